// The shapes of ABI types, read from canonical signatures.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera::chain {

// How a type is laid out: dynamic types take one head word and a tail.
struct AbiShape {
  bool is_dynamic = false;
  size_t head_words = 1;
};

// "open(bytes32,(uint64,bytes)[])" gives {"bytes32", "(uint64,bytes)[]"}. InvalidArgument if the
// parentheses do not match or the name is missing.
absl::StatusOr<std::vector<std::string>> ParameterTypes(std::string_view signature);

// InvalidArgument for text that is no canonical type.
absl::StatusOr<AbiShape> ShapeOf(std::string_view type);

}  // namespace tessera::chain
