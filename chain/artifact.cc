#include "chain/artifact.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status_macros.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

constexpr size_t kArtifactBytesMax = size_t{64} << 20;
constexpr int kTupleDepthMax = 8;

bool IsIdentifier(std::string_view name) {
  return !name.empty() && std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '$';
  });
}

std::string StringMember(const Json& object, const char* key) {
  if (!object.is_object()) return "";
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

const Json& ArrayMember(const Json& object, const char* key) {
  static const Json kNone = Json::array();
  if (!object.is_object()) return kNone;
  const auto found = object.find(key);
  return found != object.end() && found->is_array() ? *found : kNone;
}

// "(uint256,(address,bytes32)[])" from the ABI's parameters, where a struct's type is "tuple".
std::string CanonicalTypes(const Json& parameters, int depth) {
  std::string types;
  for (const Json& parameter : parameters) {
    std::string type = StringMember(parameter, "type");
    if (type.starts_with("tuple") && depth < kTupleDepthMax) {
      type.replace(0, 5, CanonicalTypes(ArrayMember(parameter, "components"), depth + 1));
    }
    types += (types.empty() ? "" : ",") + type;
  }
  return "(" + types + ")";
}

}  // namespace

absl::StatusOr<Artifact> LoadArtifact(const std::filesystem::path& out_dir, std::string_view name) {
  if (!IsIdentifier(name)) {
    return absl::InvalidArgumentError("not a contract's name: '" + std::string(name) + "'");
  }
  const std::filesystem::path path =
      out_dir / (std::string(name) + ".sol") / (std::string(name) + ".json");
  ASSIGN_OR_RETURN(const Bytes text, ReadFile(path, kArtifactBytesMax));
  const Json json = Json::parse(AsText(text), nullptr, /*allow_exceptions=*/false);
  if (!json.is_object() || !json.contains("bytecode")) {
    return absl::InvalidArgumentError(path.string() + " is not a Foundry artifact");
  }
  const std::string code = StringMember(json["bytecode"], "object");
  if (code.find("__$") != std::string::npos) {
    return absl::FailedPreconditionError(path.string() + " has unlinked libraries");
  }
  Artifact artifact;
  ASSIGN_OR_RETURN(artifact.creation_code, ParseHex(code));
  if (artifact.creation_code.empty()) {
    return absl::FailedPreconditionError(path.string() + " has no code: an interface?");
  }
  for (const Json& entry : ArrayMember(json, "abi")) {
    if (StringMember(entry, "type") != "error") continue;
    artifact.error_signatures.push_back(StringMember(entry, "name") +
                                        CanonicalTypes(ArrayMember(entry, "inputs"), 0));
  }
  return artifact;
}

}  // namespace tessera::chain
