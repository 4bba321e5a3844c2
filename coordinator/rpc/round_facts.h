// What the intake needs of a round before it reads a submission's bytes.
#pragma once

#include <memory>
#include <optional>

#include "coordinator/core/job.h"

namespace tessera::coordinator {

struct RoundFacts {
  std::shared_ptr<const JobSpec> spec;
  std::optional<Commitment> commitment;
  int64_t committed_ms = 0;
};

// No commitment if the round or the worker's part in it does not exist. Never fails: a StatusOr for QueryJob.
absl::StatusOr<RoundFacts> FactsOf(const Job& job, RoundId id, const WorkerId& worker);

}  // namespace tessera::coordinator
