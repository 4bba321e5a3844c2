#include "protocol/model_family.h"

#include <cmath>

#include "base/random.h"

namespace tessera {
namespace {

uint64_t ElementCount(const ParameterShape& shape) {
  uint64_t count = 1;
  for (int64_t size : shape.sizes) count *= static_cast<uint64_t>(size);
  return count;
}

// Appends the weight and the bias of a layer whose weight has these sizes, outputs first.
void AppendLayer(std::vector<ParameterShape>& shapes, const std::string& name,
                 const std::vector<int64_t>& weight_sizes) {
  ParameterShape weight{name + ".weight", weight_sizes, 1};
  for (size_t i = 1; i < weight_sizes.size(); ++i) weight.fan_in *= weight_sizes[i];
  ParameterShape bias{name + ".bias", {weight_sizes[0]}, weight.fan_in};
  shapes.push_back(std::move(weight));
  shapes.push_back(std::move(bias));
}

}  // namespace

absl::StatusOr<ModelFamily> ParseModelFamily(std::string_view name) {
  for (ModelFamily family : {ModelFamily::kMlp, ModelFamily::kConvNet}) {
    if (name == ModelFamilyName(family)) return family;
  }
  return absl::InvalidArgumentError("model family is '" + std::string(name) +
                                    "', must be mlp or convnet");
}

std::string_view ModelFamilyName(ModelFamily family) {
  switch (family) {
    case ModelFamily::kMlp:
      return "mlp";
    case ModelFamily::kConvNet:
      return "convnet";
  }
  return "unknown";
}

std::vector<ParameterShape> ParameterShapes(ModelFamily family) {
  std::vector<ParameterShape> shapes;
  switch (family) {
    case ModelFamily::kMlp:
      AppendLayer(shapes, "fc1", {128, 784});
      AppendLayer(shapes, "fc2", {10, 128});
      break;
    case ModelFamily::kConvNet:
      AppendLayer(shapes, "conv1", {16, 1, 3, 3});
      AppendLayer(shapes, "conv2", {32, 16, 3, 3});
      AppendLayer(shapes, "fc1", {48, 1568});
      AppendLayer(shapes, "fc2", {10, 48});
      break;
  }
  return shapes;
}

uint64_t ParameterCount(ModelFamily family) {
  uint64_t count = 0;
  for (const ParameterShape& shape : ParameterShapes(family)) count += ElementCount(shape);
  return count;
}

std::vector<float> InitialParameters(ModelFamily family, uint64_t seed) {
  const Philox4x32 random(seed);
  std::vector<float> parameters;
  parameters.reserve(ParameterCount(family));
  for (const ParameterShape& shape : ParameterShapes(family)) {
    const float bound = static_cast<float>(1.0 / std::sqrt(static_cast<double>(shape.fan_in)));
    const size_t end = parameters.size() + ElementCount(shape);
    while (parameters.size() < end) {
      const uint32_t word = random.Word(parameters.size());
      // 24 bits, so that the value in [-1, 1) is exact and only the product rounds.
      parameters.push_back((static_cast<float>(word >> 8) * 0x1p-23f - 1.0f) * bound);
    }
  }
  return parameters;
}

}  // namespace tessera
