// A job's state and a round's evidence, as messages.
#pragma once

#include "coordinator/core/job.h"
#include "coordinator/rpc/presence.h"
#include "tessera/v1/job.pb.h"

namespace tessera::coordinator {

v1::JobSummary SummaryMessage(const Job& job);
// Log lines from sequence `log_from` on.
v1::JobStatus StatusMessage(const Job& job, const Presence& presence, int64_t now_ms,
                            uint64_t log_from);
v1::WorkerStatus WorkerMessage(const Job& job, const RosterEntry& entry, const Presence& presence);

// OutOfRange if the job has no such round.
absl::StatusOr<v1::GetRoundEvidenceResponse> EvidenceMessage(const Job& job, RoundId round);

// What `account` may claim by the newest final round, and what is settled beyond it.
absl::StatusOr<v1::GetClaimResponse> ClaimMessage(const Job& job, const Address& account);

}  // namespace tessera::coordinator
