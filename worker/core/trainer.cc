#include "worker/core/trainer.h"

#include <algorithm>
#include <cmath>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "protocol/shard_plan.h"

namespace tessera::worker {
namespace {

absl::Status CheckVector(std::span<const float> values, uint64_t dimension, const char* what) {
  if (values.size() != dimension) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " has ", values.size(), " values, the model has ", dimension));
  }
  const auto bad =
      std::find_if(values.begin(), values.end(), [](float x) { return !std::isfinite(x); });
  if (bad != values.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat(what, " ", std::distance(values.begin(), bad), " is not finite"));
  }
  return absl::OkStatus();
}

}  // namespace

std::vector<uint32_t> Assignment::Batch(uint64_t step, uint32_t samples) const {
  return BatchIndices(job, round, worker, step, spec.batch_size, samples);
}

absl::Status CheckShard(const DataShard& shard, const TrainerShape& shape) {
  if (shard.samples() == 0 || shard.samples() > UINT32_MAX) {
    return absl::InvalidArgumentError(
        absl::StrCat("shard has ", shard.samples(), " samples, expected 1..2^32-1"));
  }
  if (shard.sample_bytes != shape.sample_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("shard has samples of ", shard.sample_bytes,
                                                   " bytes, the model takes ", shape.sample_bytes));
  }
  if (shard.pixels.size() != shard.samples() * shard.sample_bytes) {
    return absl::InvalidArgumentError(absl::StrCat("shard has ", shard.pixels.size(),
                                                   " pixels for ", shard.samples(), " samples of ",
                                                   shard.sample_bytes));
  }
  const auto bad = std::find_if(shard.labels.begin(), shard.labels.end(),
                                [&](uint8_t label) { return label >= shape.classes; });
  if (bad != shard.labels.end()) {
    return absl::InvalidArgumentError(
        absl::StrCat("label ", *bad, " of sample ", std::distance(shard.labels.begin(), bad),
                     " is not below the model's ", shape.classes, " classes"));
  }
  return absl::OkStatus();
}

absl::Status CheckParameters(std::span<const float> parameters, const TrainerShape& shape) {
  return CheckVector(parameters, shape.dimension, "parameter");
}

absl::Status CheckTrainingInput(const TrainingState& start, const DataShard& shard,
                                const Assignment& assignment, uint64_t steps,
                                const TrainerShape& shape) {
  RETURN_IF_ERROR(CheckShard(shard, shape));
  RETURN_IF_ERROR(CheckVector(start.parameters, shape.dimension, "parameter"));
  RETURN_IF_ERROR(CheckVector(start.momentum, shape.dimension, "momentum"));
  const JobSpec& spec = assignment.spec;
  if (spec.batch_size == 0) return absl::InvalidArgumentError("batch_size is 0");
  if (start.step > spec.local_steps || steps > spec.local_steps - start.step) {
    return absl::InvalidArgumentError(absl::StrCat(steps, " steps after step ", start.step,
                                                   " exceed the round's ", spec.local_steps));
  }
  return absl::OkStatus();
}

uint64_t StateStep(const JobSpec& spec, uint32_t index) {
  return std::min<uint64_t>(uint64_t{index} * spec.segment_steps, spec.local_steps);
}

TrainingState InitialState(std::span<const float> base_parameters) {
  return {.step = 0,
          .parameters = {base_parameters.begin(), base_parameters.end()},
          .momentum = std::vector<float>(base_parameters.size(), 0.0f)};
}

}  // namespace tessera::worker
