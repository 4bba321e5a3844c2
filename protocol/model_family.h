// Built-in model families: names and shapes of parameters, and initial values that are the same on every machine.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera {

enum class ModelFamily : uint8_t {
  kMlp = 1,      // 784-128-10, ReLU.
  kConvNet = 2,  // conv 1-16 3x3, pool, conv 16-32 3x3, pool, 1568-48, 48-10, ReLU; padding 1.
};

absl::StatusOr<ModelFamily> ParseModelFamily(std::string_view name);  // "mlp", "convnet"
std::string_view ModelFamilyName(ModelFamily family);

// One parameter tensor; parameters of a model are its tensors one after the other, row-major.
struct ParameterShape {
  std::string name;            // "conv1.weight"
  std::vector<int64_t> sizes;  // (out, in, height, width), (out, in) or (out)
  int64_t fan_in = 0;          // Inputs of one output unit.
};

// In the order of the flat parameter vector.
std::vector<ParameterShape> ParameterShapes(ModelFamily family);
uint64_t ParameterCount(ModelFamily family);

// Uniform in [-1/sqrt(fan_in), 1/sqrt(fan_in)) from Philox with key `seed`, element i of the flat vector from word i:
// ((word >> 8) * 2^-23 - 1) * bound, in binary32, bound rounded once from binary64.
std::vector<float> InitialParameters(ModelFamily family, uint64_t seed);

}  // namespace tessera
