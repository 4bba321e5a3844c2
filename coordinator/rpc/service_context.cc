#include "coordinator/rpc/service_context.h"

#include "proto/convert/convert.h"
#include "proto/transport/channel.h"
#include "proto/transport/status.h"

namespace tessera::coordinator {

absl::StatusOr<Ed25519PublicKey> Authenticate(const ServiceContext& services,
                                              const grpc::ServerContext& call,
                                              std::string_view method,
                                              const google::protobuf::Message& body) {
  const absl::StatusOr<RequestStamp> stamp = ReadStamp(call);
  if (!stamp.ok()) return Reject(RejectReason::kSignature, MessageOf(stamp.status()));
  const absl::Status verified =
      services.verifier->Verify(method, BodyDigest(body), *stamp, services.clock->NowMs());
  if (absl::IsAlreadyExists(verified)) {
    return Reject(RejectReason::kReplay, MessageOf(verified));
  }
  if (absl::IsUnauthenticated(verified)) {
    return Reject(RejectReason::kSignature, MessageOf(verified));
  }
  RETURN_IF_ERROR(verified);
  return stamp->key;
}

grpc::Status StreamBlob(const ServiceContext& services, grpc::ServerContext& call,
                        const v1::FetchBlobRequest& request,
                        grpc::ServerWriter<v1::FetchBlobResponse>& writer) {
  absl::StatusOr<BlobRoot> root = ParseField<BlobRoot>(request.root(), "root");
  if (!root.ok()) return ToGrpcStatus(call, root.status());
  absl::StatusOr<uint64_t> size = services.blobs->Size(*root);
  if (!size.ok()) return ToGrpcStatus(call, size.status());
  if (request.offset() > *size) {
    return ToGrpcStatus(call, absl::OutOfRangeError("offset beyond the blob's end"));
  }
  v1::FetchBlobResponse response;
  response.set_total_bytes(*size);
  uint64_t offset = request.offset();
  while (offset < *size && !call.IsCancelled()) {
    Bytes chunk(std::min<uint64_t>(*size - offset, kStreamChunkBytes));
    if (absl::Status read = services.blobs->Read(*root, offset, chunk); !read.ok()) {
      return ToGrpcStatus(call, read);
    }
    response.set_data(chunk.data(), chunk.size());
    if (!writer.Write(response)) break;
    offset += chunk.size();
  }
  return grpc::Status::OK;
}

}  // namespace tessera::coordinator
