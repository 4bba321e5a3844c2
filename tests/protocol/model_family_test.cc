#include "protocol/model_family.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>

#include "base/hash.h"
#include "tests/protocol/golden.h"

namespace tessera {
namespace {

using absl::StatusCode;
using golden::Json;

TEST(ModelFamily, ParsesItsOwnNames) {
  for (ModelFamily family : {ModelFamily::kMlp, ModelFamily::kConvNet}) {
    EXPECT_EQ(ParseModelFamily(ModelFamilyName(family)).value(), family);
  }
  for (std::string_view name : {"", "MLP", "mlp ", "unknown", "transformer"}) {
    EXPECT_EQ(ParseModelFamily(name).status().code(), StatusCode::kInvalidArgument) << name;
  }
}

TEST(ModelFamily, HasTheDocumentedShapes) {
  const std::vector<ParameterShape> shapes = ParameterShapes(ModelFamily::kConvNet);
  std::vector<std::string> names;
  for (const ParameterShape& shape : shapes) names.push_back(shape.name);
  EXPECT_EQ(names,
            (std::vector<std::string>{"conv1.weight", "conv1.bias", "conv2.weight", "conv2.bias",
                                      "fc1.weight", "fc1.bias", "fc2.weight", "fc2.bias"}));
  EXPECT_EQ(shapes[2].sizes, (std::vector<int64_t>{32, 16, 3, 3}));
  EXPECT_EQ(shapes[2].fan_in, 144);
  EXPECT_EQ(shapes[3].sizes, (std::vector<int64_t>{32}));
  EXPECT_EQ(shapes[3].fan_in, 144) << "a bias is drawn with the bound of its layer";
  EXPECT_EQ(shapes[4].sizes, (std::vector<int64_t>{48, 1568}));
  EXPECT_EQ(ParameterCount(ModelFamily::kConvNet), 80'602u);
  EXPECT_EQ(ParameterCount(ModelFamily::kMlp), 784u * 128 + 128 + 128 * 10 + 10);
}

TEST(InitialParameters, AreTheGoldenBits) {
  for (const Json& golden_case : golden::LoadSection("protocol.json", "initialParameters")) {
    const ModelFamily family = ParseModelFamily(golden_case["family"].get<std::string>()).value();
    const std::vector<float> values =
        InitialParameters(family, golden::Decimal(golden_case["seed"]));
    ASSERT_EQ(values.size(), golden_case["count"].get<size_t>());
    ASSERT_EQ(values.size(), ParameterCount(family));
    const std::vector<float> first = golden::Floats(golden_case["firstBits"]);
    EXPECT_TRUE(std::equal(first.begin(), first.end(), values.begin()));
    const ByteView bytes(reinterpret_cast<const uint8_t*>(values.data()), 4 * values.size());
    EXPECT_EQ(Sha256(bytes), golden::Hex<Digest>(golden_case["sha256"]));
  }
}

TEST(InitialParameters, StayWithinTheBoundOfTheirLayerAndFillIt) {
  const std::vector<float> values = InitialParameters(ModelFamily::kMlp, 1);
  size_t next = 0;
  for (const ParameterShape& shape : ParameterShapes(ModelFamily::kMlp)) {
    const float bound = static_cast<float>(1 / std::sqrt(static_cast<double>(shape.fan_in)));
    int64_t count = 1;
    for (int64_t size : shape.sizes) count *= size;
    float largest = 0;
    for (int64_t i = 0; i < count; ++i) largest = std::max(largest, std::fabs(values[next++]));
    EXPECT_LE(largest, bound) << shape.name;
    EXPECT_GT(largest, bound / 2) << shape.name;
  }
  EXPECT_EQ(next, values.size());
  EXPECT_NE(InitialParameters(ModelFamily::kMlp, 2), values);
}

}  // namespace
}  // namespace tessera
