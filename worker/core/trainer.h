// What the worker asks of an engine: local steps of a model on a shard, and an evaluation. No
// engine's types here.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/statusor.h"
#include "protocol/blob_format.h"
#include "protocol/job_spec.h"

namespace tessera::worker {

// Whose local steps these are, and under which job's rules: together with a start state and a shard
// it decides every bit of a run.
struct Assignment {
  JobId job;
  RoundId round = 0;
  WorkerId worker;
  JobSpec spec;

  // The samples of local step `step` (0-based): (spec.batch_size) indices below `samples`. samples
  // >= 1.
  std::vector<uint32_t> Batch(uint64_t step, uint32_t samples) const;
};

struct SegmentResult {
  TrainingState end;
  double mean_loss = 0;  // Mean over the steps of the batch's mean loss; 0 for no steps.
};

struct Evaluation {
  double loss = 0;      // Mean cross-entropy, in nats.
  double accuracy = 0;  // Share of samples whose largest logit is the label's, in [0, 1].
  uint64_t samples = 0;
};

// One model family on one device. Not thread-safe: one owner thread, for engines keep scratch
// memory between calls.
class Trainer {
 public:
  virtual ~Trainer() = default;

  // The length of the flat parameter vector.
  virtual uint64_t dimension() const = 0;

  // Makes steps start.step .. start.step + steps - 1 of the assignment on `shard`: for the batch's
  // mean cross-entropy with gradient g, v = momentum * v + g, then p = p - learning_rate * v
  // (Polyak, 1964; each operation rounded once). InvalidArgument if CheckTrainingInput refuses;
  // OutOfRange, naming the step, if the loss or the parameters stop being finite; Internal if the
  // engine fails.
  virtual absl::StatusOr<SegmentResult> RunSteps(const TrainingState& start, const DataShard& shard,
                                                 const Assignment& assignment, uint64_t steps) = 0;

  // Loss and accuracy of `parameters`: (dimension) on `shard`. Errors as RunSteps.
  virtual absl::StatusOr<Evaluation> Evaluate(std::span<const float> parameters,
                                              const DataShard& shard) = 0;
};

// What an engine takes: a shape of samples, a number of classes, a number of parameters.
struct TrainerShape {
  uint64_t dimension = 0;
  uint32_t sample_bytes = 0;
  uint16_t classes = 0;
};

// InvalidArgument, naming the first defect, unless the shard is not empty, has the engine's shape,
// and every label is below its number of classes.
absl::Status CheckShard(const DataShard& shard, const TrainerShape& shape);

// InvalidArgument unless `parameters` has the engine's length and is finite.
absl::Status CheckParameters(std::span<const float> parameters, const TrainerShape& shape);

// CheckShard, CheckParameters for parameters and momentum, and: spec.batch_size >= 1, start.step +
// steps at most spec.local_steps.
absl::Status CheckTrainingInput(const TrainingState& start, const DataShard& shard,
                                const Assignment& assignment, uint64_t steps,
                                const TrainerShape& shape);

// The local step that state `index` of a round follows: min(index * segment_steps, local_steps).
uint64_t StateStep(const JobSpec& spec, uint32_t index);

// The state that every run of a round starts from: the base model's parameters, zero momentum, step
// 0.
TrainingState InitialState(std::span<const float> base_parameters);

}  // namespace tessera::worker
