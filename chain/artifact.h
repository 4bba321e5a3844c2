// Contracts as Foundry compiled them.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::chain {

struct Artifact {
  Bytes creation_code;  // For CreationData.
  // Canonical signatures of the custom errors in its ABI, for JsonRpcOptions::error_signatures.
  std::vector<std::string> error_signatures;
};

// Reads `out_dir`/<name>.sol/<name>.json. NotFound if absent; FailedPrecondition if the code still
// has unlinked libraries or is empty (an interface); InvalidArgument if `name` is no Solidity
// identifier or the file is malformed.
absl::StatusOr<Artifact> LoadArtifact(const std::filesystem::path& out_dir, std::string_view name);

}  // namespace tessera::chain
