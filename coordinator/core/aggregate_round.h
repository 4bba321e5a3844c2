// A round's revealed updates to the next model: what the coordinator computes and what anyone may recompute.
#pragma once

#include "coordinator/core/effect.h"
#include "coordinator/core/event.h"

namespace tessera::coordinator {

// Everything that decides a round's model.
struct AggregationInput {
  JobSpec spec;
  AggregateUpdates effect;
};

// The outcome of a round, still to be stored.
struct AggregationResult {
  Bytes model;        // Canonical model bytes.
  Bytes outer_state;  // Parameters and outer velocity, as state bytes.
  RoundAggregated event;
};

// Pure: decodes `updates` (in the order of effect.revealed), applies the job's rule and the outer
// step. `outer_state` is that of the base model. An update that does not decode is an Internal
// error: the intake let it pass.
absl::StatusOr<AggregationResult> ComputeAggregate(const AggregationInput& input,
                                                   std::span<const Bytes> updates,
                                                   ByteView outer_state, int threads);

// The outer state that a job starts from: the initial parameters, zero velocity.
Bytes InitialOuterState(const JobSpec& spec);

}  // namespace tessera::coordinator
