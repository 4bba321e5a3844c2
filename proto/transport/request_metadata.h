// Signed requests over gRPC metadata. docs/protocol.md, "Signed requests".
#pragma once

#include <google/protobuf/message.h>
#include <grpcpp/grpcpp.h>

#include "protocol/request_auth.h"

namespace tessera {

// SHA-256 of the deterministic serialisation.
Digest BodyDigest(const google::protobuf::Message& message);

// Stamps a call with a fresh nonce. `method` is the full path, "/tessera.v1.WorkerService/Commit".
void SignCall(grpc::ClientContext& context, const Ed25519Key& key, std::string_view method,
              const google::protobuf::Message& body, int64_t now_ms);

// Unauthenticated if a part is missing or malformed.
absl::StatusOr<RequestStamp> ReadStamp(const grpc::ServerContext& context);

}  // namespace tessera
