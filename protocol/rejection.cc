#include "protocol/rejection.h"

#include <array>
#include <string>

#include "absl/strings/cord.h"
#include "base/status_macros.h"

namespace tessera {
namespace {

constexpr char kPayloadUrl[] = "tessera.v1/reject-reason";

struct ReasonEntry {
  RejectReason reason;
  std::string_view name;
  absl::StatusCode code;
};

constexpr std::array<ReasonEntry, 15> kReasons = {{
    {RejectReason::kSignature, "signature", absl::StatusCode::kUnauthenticated},
    {RejectReason::kReplay, "replay", absl::StatusCode::kUnauthenticated},
    {RejectReason::kDigest, "digest", absl::StatusCode::kInvalidArgument},
    {RejectReason::kShape, "shape", absl::StatusCode::kInvalidArgument},
    {RejectReason::kLength, "length", absl::StatusCode::kInvalidArgument},
    {RejectReason::kNonFinite, "non-finite", absl::StatusCode::kInvalidArgument},
    {RejectReason::kNorm, "norm", absl::StatusCode::kInvalidArgument},
    {RejectReason::kLate, "late", absl::StatusCode::kFailedPrecondition},
    {RejectReason::kEarly, "early", absl::StatusCode::kFailedPrecondition},
    {RejectReason::kDuplicate, "duplicate", absl::StatusCode::kAlreadyExists},
    {RejectReason::kUnknownWorker, "unknown-worker", absl::StatusCode::kPermissionDenied},
    {RejectReason::kWrongRound, "wrong-round", absl::StatusCode::kFailedPrecondition},
    {RejectReason::kBanned, "banned", absl::StatusCode::kPermissionDenied},
    {RejectReason::kStake, "stake", absl::StatusCode::kFailedPrecondition},
    {RejectReason::kNotAssigned, "not-assigned", absl::StatusCode::kPermissionDenied},
}};

}  // namespace

std::string_view RejectReasonName(RejectReason reason) {
  for (const ReasonEntry& entry : kReasons) {
    if (entry.reason == reason) return entry.name;
  }
  return "unknown";
}

absl::Status Reject(RejectReason reason, std::string_view message) {
  absl::StatusCode code = absl::StatusCode::kUnknown;
  for (const ReasonEntry& entry : kReasons) {
    if (entry.reason == reason) code = entry.code;
  }
  absl::Status status(code, std::string(message));
  status.SetPayload(kPayloadUrl, absl::Cord(std::string(RejectReasonName(reason))));
  return status;
}

std::optional<RejectReason> ReasonOf(const absl::Status& status) {
  const absl::optional<absl::Cord> name = status.GetPayload(kPayloadUrl);
  if (!name.has_value()) return std::nullopt;
  return ParseRejectReason(std::string(*name));
}

std::optional<RejectReason> ParseRejectReason(std::string_view name) {
  for (const ReasonEntry& entry : kReasons) {
    if (entry.name == name) return entry.reason;
  }
  return std::nullopt;
}

}  // namespace tessera
