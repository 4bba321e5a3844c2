// A worker that trains honestly and then lies about the result, to push the model uphill.
#pragma once

#include "worker/core/update_strategy.h"

namespace tessera::worker::adversary {

// Its states are those of an honest worker; the update it reveals is the honest one times -4 (sign
// flipping: Li, Xu, Chen, Giannakis, Ling, 2019: "RSA"), shortened where needed to stay just under
// the job's update_norm_max. Every segment recomputes; only comparing the update with the committed
// final state shows it.
class PoisonerStrategy final : public UpdateStrategy {
 public:
  static constexpr float kFactor = -4.0f;

  absl::StatusOr<SegmentResult> NextState(Trainer& trainer, const StrategyContext& context,
                                          const TrainingState& start, uint64_t steps) override;
  std::vector<float> Update(const StrategyContext& context,
                            std::span<const float> final_parameters) override;

 private:
  HonestStrategy honest_;
};

}  // namespace tessera::worker::adversary
