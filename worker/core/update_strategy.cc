#include "worker/core/update_strategy.h"

namespace tessera::worker {

absl::StatusOr<SegmentResult> HonestStrategy::NextState(Trainer& trainer,
                                                        const StrategyContext& context,
                                                        const TrainingState& start,
                                                        uint64_t steps) {
  return trainer.RunSteps(start, context.shard, context.assignment, steps);
}

std::vector<float> HonestStrategy::Update(const StrategyContext& context,
                                          std::span<const float> final_parameters) {
  return Difference(final_parameters, context.base_parameters);
}

std::vector<float> Difference(std::span<const float> final_parameters,
                              std::span<const float> base_parameters) {
  std::vector<float> difference(final_parameters.size());
  for (size_t i = 0; i < difference.size(); ++i) {
    difference[i] = final_parameters[i] - base_parameters[i];
  }
  return difference;
}

}  // namespace tessera::worker
