// What the coordinator checks about a revealed update before it touches a round.
#pragma once

#include "base/bytes.h"
#include "protocol/job_spec.h"
#include "protocol/typed_data.h"

namespace tessera::coordinator {

// The update's L2 norm if the bytes are what was committed and fit the job. Reject with, in this
// order: kLength, kDigest, kNonFinite (a scale is NaN or infinite), kShape (any other defect of the
// encoding), kNorm.
absl::StatusOr<double> CheckUpdate(ByteView update, const Commitment& commitment,
                                   const JobSpec& spec);

}  // namespace tessera::coordinator
