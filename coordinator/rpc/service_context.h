// What both services need; everything outlives them.
#pragma once

#include <grpcpp/grpcpp.h>
#include <grpcpp/support/sync_stream.h>

#include "coordinator/anchor/ledger.h"
#include "coordinator/driver.h"
#include "coordinator/rpc/presence.h"
#include "coordinator/store/blob_store.h"
#include "proto/transport/request_metadata.h"
#include "protocol/rejection.h"
#include "tessera/v1/types.pb.h"

namespace tessera::coordinator {

struct ServiceContext {
  Driver* driver = nullptr;
  BlobStore* blobs = nullptr;
  Ledger* ledger = nullptr;
  const Clock* clock = nullptr;
  Deployment deployment;
  const Secp256k1Key* account = nullptr;  // Signs receipts.
  RequestVerifier* verifier = nullptr;
  Presence* presence = nullptr;
};

// Checks the stamp of a signed request and returns the key that made it.
absl::StatusOr<Ed25519PublicKey> Authenticate(const ServiceContext& services,
                                              const grpc::ServerContext& call,
                                              std::string_view method,
                                              const google::protobuf::Message& body);

// Runs `read` with the job on the driver's thread and returns what it returns; NotFound if there is no such job.
template <class Read>
auto QueryJob(const ServiceContext& services, const JobId& id, Read&& read)
    -> decltype(read(std::declval<const Job&>())) {
  using Result = decltype(read(std::declval<const Job&>()));
  std::optional<Result> result;
  const absl::Status asked = services.driver->Query([&](const Jobs& jobs) {
    const auto job = jobs.find(id);
    if (job == jobs.end()) {
      result.emplace(
          absl::NotFoundError("no job " + id.hex() + " here; `tessera job list` shows them"));
    } else {
      result.emplace(read(job->second));
    }
  });
  if (!asked.ok()) return asked;
  return *std::move(result);
}

// Sends a blob of the store in chunks.
grpc::Status StreamBlob(const ServiceContext& services, grpc::ServerContext& call,
                        const v1::FetchBlobRequest& request,
                        grpc::ServerWriter<v1::FetchBlobResponse>& writer);

// Reads the `data` parts of a client stream up to exactly `bytes` bytes. Reject(kLength) for more or fewer.
template <class Request>
absl::StatusOr<Bytes> ReadStream(grpc::ServerReader<Request>& reader, uint64_t bytes) {
  Bytes blob;
  blob.reserve(bytes);
  Request part;
  while (reader.Read(&part)) {
    if (part.part_case() != Request::kData) {
      return Reject(RejectReason::kShape, "a second header in the stream");
    }
    if (part.data().size() > bytes - blob.size()) {
      return Reject(RejectReason::kLength,
                    "more than the " + std::to_string(bytes) + " bytes that were announced");
    }
    blob.insert(blob.end(), part.data().begin(), part.data().end());
  }
  if (blob.size() != bytes) {
    return Reject(RejectReason::kLength, std::to_string(blob.size()) + " bytes came, " +
                                             std::to_string(bytes) + " were announced");
  }
  return blob;
}

}  // namespace tessera::coordinator
