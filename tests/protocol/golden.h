// Golden vectors: the JSON files of tests/vectors/, whose "comment" tells who made them.
#pragma once

#include <fstream>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <string>
#include <vector>

#include "base/bytes.h"

namespace tessera::golden {

using Json = nlohmann::json;

// A missing or broken file throws, which fails the test.
inline Json Load(const std::string& name) {
  std::ifstream file(std::string(TESSERA_SOURCE_DIR) + "/tests/vectors/" + name);
  return Json::parse(file);
}

// One member of a file, by value: a loop may run over it. An empty one would test nothing and
// throws.
inline Json LoadSection(const std::string& name, const std::string& section) {
  const Json file = Load(name);
  const Json& member = file.at(section);
  if (member.empty()) throw std::runtime_error(name + ": " + section + " is empty");
  return member;
}

inline Bytes HexBytes(const Json& text) { return ParseHex(text.get<std::string>()).value(); }

template <class Fixed>
Fixed Hex(const Json& text) {
  return Fixed::FromHex(text.get<std::string>()).value();
}

template <class Fixed>
std::vector<Fixed> HexList(const Json& texts) {
  std::vector<Fixed> list;
  for (const Json& text : texts) list.push_back(Hex<Fixed>(text));
  return list;
}

// A 64-bit integer, which JSON numbers cannot hold, as a decimal string.
inline uint64_t Decimal(const Json& text) { return std::stoull(text.get<std::string>()); }

// Floats from their bits.
inline std::vector<float> Floats(const Json& bits) {
  std::vector<float> values;
  for (const Json& word : bits) values.push_back(std::bit_cast<float>(word.get<uint32_t>()));
  return values;
}

}  // namespace tessera::golden
