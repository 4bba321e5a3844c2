// The step that turns a round's aggregate into the next model.
#pragma once

#include <cstddef>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"

namespace tessera::aggregation {

struct NesterovConfig {
  float learning_rate = 0.7F;
  float momentum = 0.9F;
};

// Nesterov momentum on the aggregates of rounds (DiLoCo: Douillard et al., 2023, algorithm 1, outer
// optimiser). The aggregate g is final minus base parameters, already a direction of descent, hence
// the plus signs:
//   velocity = momentum * velocity + g
//   params   = params + learning_rate * (g + momentum * velocity)
// element by element in fp32, each operation rounded once, none fused.
// Not thread-safe.
class NesterovOuterOptimizer {
 public:
  // Starts with the velocity 0. InvalidArgument if dimension is 0, learning_rate is not finite and
  // above 0, or momentum is not in [0, 1).
  static absl::StatusOr<NesterovOuterOptimizer> Create(size_t dimension,
                                                       const NesterovConfig& config);

  // Replaces the velocity, as after a restart. InvalidArgument, changing nothing, if the length is
  // not the dimension or a value is not finite.
  absl::Status RestoreVelocity(std::vector<float> velocity);

  // Advances params, d floats, by the aggregate, d floats. InvalidArgument, changing nothing, if a
  // length is not the dimension or a value of aggregate is not finite. Parameters that would leave
  // fp32's range are OutOfRange, changing nothing.
  absl::Status Step(std::span<const float> aggregate, std::span<float> params);

  std::span<const float> velocity() const { return velocity_; }

 private:
  NesterovOuterOptimizer(size_t dimension, const NesterovConfig& config)
      : config_(config), velocity_(dimension) {}

  NesterovConfig config_;
  std::vector<float> velocity_;  // d floats, always finite.
};

}  // namespace tessera::aggregation
