// A trainer whose gradient is a formula of state and batch: the job's real dimension at the cost of
// a few additions.
#pragma once

#include "worker/core/trainer.h"

namespace tessera::worker {

class FormulaTrainer final : public Trainer {
 public:
  static constexpr uint32_t kSampleBytes = 16;
  static constexpr uint16_t kClasses = 10;

  uint64_t dimension() const override { return ParameterCount(ModelFamily::kMlp); }
  // Pulls every parameter towards the mean pixel of its batch.
  absl::StatusOr<SegmentResult> RunSteps(const TrainingState& start, const DataShard& shard,
                                         const Assignment& assignment, uint64_t steps) override;
  absl::StatusOr<Evaluation> Evaluate(std::span<const float> parameters,
                                      const DataShard& shard) override;
};

// `samples` samples, by `seed`.
DataShard MakeFormulaShard(uint32_t samples, uint64_t seed);

}  // namespace tessera::worker
