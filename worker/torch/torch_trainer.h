// Training by libtorch. This header is free of it; libtorch's exceptions end at its functions.
#pragma once

#include <memory>
#include <string>

#include "worker/core/trainer.h"
#include "worker/torch/device.h"

namespace tessera::worker {

// Trains one model family. Pixels enter as (byte / 255 - 0.2860) / 0.3530 in binary32: mean and
// deviation of Fashion-MNIST's training set. On the processor one thread computes, and within one
// pinned environment (worker/core/environment.h) the bits are those of every other process.
class TorchTrainer final : public Trainer {
 public:
  // InvalidArgument for an unknown family; Internal if libtorch cannot use the device.
  static absl::StatusOr<std::unique_ptr<TorchTrainer>> Create(ModelFamily family,
                                                              const Device& device);
  ~TorchTrainer() override;

  uint64_t dimension() const override;
  absl::StatusOr<SegmentResult> RunSteps(const TrainingState& start, const DataShard& shard,
                                         const Assignment& assignment, uint64_t steps) override;
  absl::StatusOr<Evaluation> Evaluate(std::span<const float> parameters,
                                      const DataShard& shard) override;

 private:
  class Engine;  // Holds what libtorch's headers are needed for.
  explicit TorchTrainer(std::unique_ptr<Engine> engine);

  std::unique_ptr<Engine> engine_;
};

// "libtorch 1.13.1": enters the engine fingerprint.
std::string TorchVersion();

}  // namespace tessera::worker
