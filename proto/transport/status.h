// absl::Status over gRPC: same codes and messages; a RejectReason travels as trailing metadata.
#pragma once

#include <grpcpp/grpcpp.h>

#include "absl/status/status.h"

namespace tessera {

// Adds the reason, if any, to the call's trailing metadata.
grpc::Status ToGrpcStatus(grpc::ServerContext& context, const absl::Status& status);

// After the call has finished.
absl::Status FromGrpcStatus(const grpc::ClientContext& context, const grpc::Status& status);

}  // namespace tessera
