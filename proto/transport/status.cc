#include "proto/transport/status.h"

#include <string>

#include "base/status_macros.h"
#include "protocol/rejection.h"

namespace tessera {
namespace {

constexpr char kReason[] = "tessera-reject-reason";
constexpr size_t kMessageBytesMax = 1024;

// gRPC sends messages in headers: bounded, and printable.
std::string Printable(std::string_view message) {
  std::string text(message.substr(0, kMessageBytesMax));
  for (char& c : text) {
    if (static_cast<unsigned char>(c) < 0x20) c = ' ';
  }
  return text;
}

}  // namespace

grpc::Status ToGrpcStatus(grpc::ServerContext& context, const absl::Status& status) {
  if (status.ok()) return grpc::Status::OK;
  if (const std::optional<RejectReason> reason = ReasonOf(status)) {
    context.AddTrailingMetadata(kReason, std::string(RejectReasonName(*reason)));
  }
  // Both code sets are the canonical ones, with the same numbers.
  return grpc::Status(static_cast<grpc::StatusCode>(status.code()), Printable(MessageOf(status)));
}

absl::Status FromGrpcStatus(const grpc::ClientContext& context, const grpc::Status& status) {
  if (status.ok()) return absl::OkStatus();
  const std::string message = Printable(status.error_message());
  const auto& trailing = context.GetServerTrailingMetadata();
  if (const auto entry = trailing.find(kReason); entry != trailing.end()) {
    const std::string_view name(entry->second.data(), entry->second.size());
    if (const std::optional<RejectReason> reason = ParseRejectReason(name)) {
      return Reject(*reason, message);
    }
  }
  return MakeStatus(static_cast<absl::StatusCode>(status.error_code()), message);
}

}  // namespace tessera
