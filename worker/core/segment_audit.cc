#include "worker/core/segment_audit.h"

#include <algorithm>

#include "absl/strings/str_cat.h"
#include "aggregation/int4_codec.h"
#include "base/status_macros.h"
#include "protocol/shard_plan.h"
#include "protocol/tolerance.h"
#include "worker/core/update_strategy.h"

namespace tessera::worker {
namespace {

absl::Status CheckTask(const SegmentTask& task) {
  const JobSpec& spec = task.accused.spec;
  if (spec.local_steps == 0 || spec.segment_steps == 0) {
    return absl::InvalidArgumentError("local_steps and segment_steps must be positive");
  }
  if (task.segment >= SegmentCount(spec)) {
    return absl::InvalidArgumentError(
        absl::StrCat("segment ", task.segment, " of a round of ", SegmentCount(spec), " segments"));
  }
  return absl::OkStatus();
}

uint64_t SegmentSteps(const SegmentTask& task) {
  const JobSpec& spec = task.accused.spec;
  return StateStep(spec, task.segment + 1) - StateStep(spec, task.segment);
}

// The state to recompute from. An error is the accused's fault.
absl::StatusOr<TrainingState> StartState(const SegmentTask& task) {
  if (task.segment == 0) return InitialState(task.base_parameters);
  ASSIGN_OR_RETURN(TrainingState start, DecodeState(task.start_state, task.base_parameters.size()));
  const uint64_t expected = StateStep(task.accused.spec, task.segment);
  if (start.step != expected) {
    return absl::InvalidArgumentError(
        absl::StrCat("opened state follows step ", start.step, ", expected ", expected));
  }
  return start;
}

bool IsWithin(std::span<const float> claimed, std::span<const float> recomputed,
              std::span<const float> start, double tolerance) {
  if (std::ranges::equal(claimed, recomputed)) return true;
  const absl::StatusOr<double> distance = RelativeDistance(claimed, recomputed, start);
  return distance.ok() && *distance <= tolerance;
}

bool IsWithinTolerance(const SegmentTask& task, const RecomputedSegment& recomputed,
                       ByteView next_state) {
  const absl::StatusOr<TrainingState> claimed =
      DecodeState(next_state, task.base_parameters.size());
  if (!claimed.ok() || claimed->step != recomputed.result.step) return false;
  const double tolerance = VendorTolerance(static_cast<uint32_t>(SegmentSteps(task)));
  const TrainingState& result = recomputed.result;
  const TrainingState& start = recomputed.start;
  return IsWithin(claimed->parameters, result.parameters, start.parameters, tolerance) &&
         IsWithin(claimed->momentum, result.momentum, start.momentum, tolerance);
}

bool UpdateMatches(const SegmentTask& task, const AuditEvidence& evidence) {
  const Assignment& accused = task.accused;
  const absl::StatusOr<TrainingState> final_state =
      DecodeState(evidence.final_state, task.base_parameters.size());
  if (!final_state.ok() || final_state->step != accused.spec.local_steps) return false;
  const absl::StatusOr<Bytes> expected =
      aggregation::EncodeUpdate(Difference(final_state->parameters, task.base_parameters),
                                QuantisationKey(accused.job, accused.round, accused.worker));
  return expected.ok() && std::ranges::equal(*expected, evidence.update);
}

}  // namespace

absl::StatusOr<RecomputedSegment> RecomputeSegment(Trainer& trainer, const SegmentTask& task,
                                                   const DataShard& shard) {
  RETURN_IF_ERROR(CheckTask(task));
  if (task.base_parameters.size() != trainer.dimension()) {
    return absl::InvalidArgumentError(absl::StrCat("base model has ", task.base_parameters.size(),
                                                   " parameters, the trainer's model has ",
                                                   trainer.dimension()));
  }
  RecomputedSegment recomputed;
  absl::StatusOr<TrainingState> start = StartState(task);
  if (!start.ok()) {
    recomputed.defect = start.status();
    return recomputed;
  }
  absl::StatusOr<SegmentResult> segment =
      trainer.RunSteps(*start, shard, task.accused, SegmentSteps(task));
  if (absl::IsOutOfRange(segment.status())) {
    recomputed.defect = segment.status();
    return recomputed;
  }
  if (!segment.ok()) return segment.status();
  recomputed.result_root = ComputeStateRoot(segment->end);
  recomputed.start = *std::move(start);
  recomputed.result = std::move(segment->end);
  return recomputed;
}

absl::StatusOr<Outcome> Judge(const SegmentTask& task, const RecomputedSegment& recomputed,
                              const AuditEvidence& evidence) {
  RETURN_IF_ERROR(CheckTask(task));
  if (!recomputed.defect.ok()) return Outcome::kStateMismatch;
  const bool state_matches = evidence.engine_class == EngineClass::kPinned
                                 ? recomputed.result_root == evidence.next_root
                                 : IsWithinTolerance(task, recomputed, evidence.next_state);
  if (!state_matches) return Outcome::kStateMismatch;
  return UpdateMatches(task, evidence) ? Outcome::kValid : Outcome::kUpdateMismatch;
}

}  // namespace tessera::worker
