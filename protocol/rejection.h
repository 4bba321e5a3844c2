// Why a submission was refused: one reason each, seen by the worker (in the status) and in the job's log.
#pragma once

#include <optional>
#include <string_view>

#include "absl/status/status.h"

namespace tessera {

enum class RejectReason {
  kSignature,  // A signature does not verify.
  kReplay,     // The request was seen before.
  kDigest,     // Bytes do not hash to the root that was promised.
  kShape,      // Dimension, segments or format differ from the job's.
  kLength,     // Too many or too few bytes.
  kNonFinite,  // A NaN or an infinity.
  kNorm,       // L2 norm above the job's limit.
  kLate,       // The phase that takes this is over.
  kEarly,      // The phase that takes this has not begun.
  kDuplicate,  // Already accepted, with other content; repeating the same content is not an error.
  kUnknownWorker,  // Not registered with this job.
  kWrongRound,     // Another round, job, base model or shard than assigned.
  kBanned,         // Proven false before.
  kStake,          // Not enough bonded.
  kNotAssigned,    // An audit step that was not this worker's to do.
};

std::string_view RejectReasonName(RejectReason reason);  // "non-finite", "wrong-round", ...

// A status with the canonical code that fits the reason, which ReasonOf finds again.
absl::Status Reject(RejectReason reason, std::string_view message);
std::optional<RejectReason> ReasonOf(const absl::Status& status);

// From its name, for clients that got it over the wire.
std::optional<RejectReason> ParseRejectReason(std::string_view name);

}  // namespace tessera
