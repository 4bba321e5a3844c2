// A round's evidence from the coordinator: from messages to protocol types, and to JSON.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "cli/output.h"
#include "cli/verify_round.h"
#include "tessera/v1/job.pb.h"

namespace tessera::cli {

// InvalidArgument names the field that is malformed.
absl::StatusOr<RoundEvidence> FromProto(const v1::GetRoundEvidenceResponse& message);

Json ToJson(const RoundEvidence& evidence);

}  // namespace tessera::cli
