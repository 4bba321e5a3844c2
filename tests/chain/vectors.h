// The golden vectors of tests/vectors/chain.json.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "base/bytes.h"
#include "base/secp256k1.h"

namespace tessera::testing {

inline const nlohmann::json& Vectors() {
  static const nlohmann::json vectors = nlohmann::json::parse(
      std::ifstream(std::string(TESSERA_SOURCE_DIR) + "/tests/vectors/chain.json"));
  return vectors;
}

inline Bytes HexBytes(const nlohmann::json& text) { return *ParseHex(text.get<std::string>()); }
inline Address HexAddress(const nlohmann::json& text) {
  return *Address::FromHex(text.get<std::string>());
}
inline Secp256k1Key VectorKey() { return *Secp256k1Key::FromSecret(HexBytes(Vectors()["key1"])); }

}  // namespace tessera::testing
