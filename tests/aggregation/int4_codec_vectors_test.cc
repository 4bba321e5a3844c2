// The golden vectors of tests/vectors/update_int4.json, made by make_update_int4.py without this
// code.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "aggregation/int4_codec.h"
#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

std::vector<float> FloatsOf(const std::string& hex) {
  const Bytes bytes = ParseHex(hex).value();
  std::vector<float> values(bytes.size() / sizeof(float));
  std::memcpy(values.data(), bytes.data(), bytes.size());
  return values;
}

TEST(Int4CodecVectorsTest, EncodesAndDecodesTheGoldenVectors) {
  std::ifstream file(TESSERA_SOURCE_DIR "/tests/vectors/update_int4.json");
  const nlohmann::json vectors = nlohmann::json::parse(file)["vectors"];
  ASSERT_GE(vectors.size(), 10U);
  for (const auto& vector : vectors) {
    SCOPED_TRACE(vector["name"].get<std::string>());
    const std::vector<float> delta = FloatsOf(vector["delta"]);
    const Bytes update = ParseHex(vector["update"].get<std::string>()).value();
    const uint64_t key = std::stoull(vector["key"].get<std::string>(), nullptr, 16);
    ASSERT_EQ(delta.size(), vector["dimension"].get<size_t>());
    EXPECT_EQ(ToHex(EncodeUpdate(delta, key).value()), ToHex(update));
    EXPECT_EQ(Bits(DecodeUpdate(update, delta.size()).value()), Bits(FloatsOf(vector["decoded"])));
  }
}

}  // namespace
}  // namespace tessera::aggregation
