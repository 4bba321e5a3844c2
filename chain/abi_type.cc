#include "chain/abi_type.h"

#include <charconv>

#include "base/status_macros.h"

namespace tessera::chain {
namespace {

// Fixed arrays longer than this are refused, so that head sizes cannot overflow.
constexpr size_t kFixedArrayMax = 1 << 16;

absl::Status NotAType(std::string_view text) {
  return absl::InvalidArgumentError("not an ABI type: '" + std::string(text) + "'");
}

// The comma-separated types between the parentheses of `list` = "(...)".
absl::StatusOr<std::vector<std::string>> SplitList(std::string_view list) {
  if (list.size() < 2 || list.front() != '(' || list.back() != ')') return NotAType(list);
  const std::string_view inner = list.substr(1, list.size() - 2);
  std::vector<std::string> types;
  if (inner.empty()) return types;
  types.emplace_back();
  int depth = 0;
  for (char c : inner) {
    if (c == '(') ++depth;
    if (c == ')' && --depth < 0) return NotAType(list);
    if (c == ',' && depth == 0) {
      types.emplace_back();
    } else {
      types.back().push_back(c);
    }
  }
  if (depth != 0) return NotAType(list);
  return types;
}

bool IsElementary(std::string_view type) {
  if (type == "address" || type == "bool" || type == "bytes" || type == "string") return true;
  for (std::string_view stem : {"uint", "int", "bytes"}) {
    if (!type.starts_with(stem)) continue;
    const std::string_view digits = type.substr(stem.size());
    unsigned width = 0;
    const auto [end, error] = std::from_chars(digits.begin(), digits.end(), width);
    if (error != std::errc() || end != digits.end()) return false;
    return stem == "bytes" ? width >= 1 && width <= 32
                           : width >= 8 && width <= 256 && width % 8 == 0;
  }
  return false;
}

absl::StatusOr<AbiShape> ShapeOfArray(std::string_view type) {
  const size_t open = type.rfind('[');
  if (open == std::string_view::npos || open == 0) return NotAType(type);
  ASSIGN_OR_RETURN(const AbiShape element, ShapeOf(type.substr(0, open)));
  const std::string_view digits = type.substr(open + 1, type.size() - open - 2);
  if (digits.empty()) return AbiShape{.is_dynamic = true};
  size_t count = 0;
  const auto [end, error] = std::from_chars(digits.begin(), digits.end(), count);
  if (error != std::errc() || end != digits.end() || count == 0 || count > kFixedArrayMax) {
    return NotAType(type);
  }
  if (element.is_dynamic) return AbiShape{.is_dynamic = true};
  return AbiShape{.is_dynamic = false, .head_words = count * element.head_words};
}

}  // namespace

absl::StatusOr<std::vector<std::string>> ParameterTypes(std::string_view signature) {
  const size_t open = signature.find('(');
  if (open == std::string_view::npos || open == 0) return NotAType(signature);
  return SplitList(signature.substr(open));
}

absl::StatusOr<AbiShape> ShapeOf(std::string_view type) {
  if (type.ends_with(']')) return ShapeOfArray(type);
  if (!type.starts_with('(')) {
    if (!IsElementary(type)) return NotAType(type);
    return AbiShape{.is_dynamic = type == "bytes" || type == "string"};
  }
  ASSIGN_OR_RETURN(const std::vector<std::string> fields, SplitList(type));
  AbiShape shape{.is_dynamic = false, .head_words = 0};
  for (const std::string& field : fields) {
    ASSIGN_OR_RETURN(const AbiShape inner, ShapeOf(field));
    shape.is_dynamic |= inner.is_dynamic;
    shape.head_words += inner.head_words;
  }
  if (shape.is_dynamic) shape.head_words = 1;
  return shape;
}

}  // namespace tessera::chain
