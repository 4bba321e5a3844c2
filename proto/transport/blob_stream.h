// Blobs in bounded chunks, both ways; the receiver checks the root before it believes a byte.
#pragma once

#include <algorithm>
#include <memory>

#include "base/status_macros.h"
#include "proto/convert/convert.h"
#include "proto/transport/channel.h"
#include "proto/transport/status.h"
#include "protocol/merkle.h"

namespace tessera {

// Fetches a blob through either service's FetchBlob. `sign` stamps the call (or does nothing for a public one).
// DataLoss if what arrives does not hash to `root`; ResourceExhausted above bytes_max.
template <class Stub, class Sign>
absl::StatusOr<Bytes> FetchBlob(Stub& stub, const BlobRoot& root, uint64_t bytes_max,
                                std::chrono::milliseconds timeout, Sign&& sign) {
  grpc::ClientContext context;
  context.set_deadline(std::chrono::system_clock::now() + timeout);
  v1::FetchBlobRequest request;
  request.set_root(FieldBytes(root));
  sign(context, request);
  auto reader = stub.FetchBlob(&context, request);
  Bytes blob;
  v1::FetchBlobResponse chunk;
  while (reader->Read(&chunk)) {
    if (chunk.total_bytes() > bytes_max || blob.size() + chunk.data().size() > bytes_max) {
      context.TryCancel();
      reader->Finish();
      return absl::ResourceExhaustedError("blob " + root.short_hex() + " has " +
                                          std::to_string(chunk.total_bytes()) +
                                          " bytes, more than " + std::to_string(bytes_max));
    }
    if (blob.empty()) blob.reserve(chunk.total_bytes());
    blob.insert(blob.end(), chunk.data().begin(), chunk.data().end());
  }
  RETURN_IF_ERROR(FromGrpcStatus(context, reader->Finish()));
  absl::StatusOr<BlobRoot> actual = ComputeBlobRoot(blob);
  if (!actual.ok() || *actual != root) {
    return absl::DataLossError("the bytes that came for blob " + root.short_hex() +
                               " do not hash to it");
  }
  return blob;
}

// Sends the header, then the bytes as `data` parts. Stops early when the server has answered.
template <class Request, class Writer>
void SendBlob(Writer& writer, const Request& header, ByteView blob) {
  if (!writer.Write(header)) return;
  Request part;
  while (!blob.empty()) {
    const ByteView chunk = blob.first(std::min(blob.size(), kStreamChunkBytes));
    part.set_data(chunk.data(), chunk.size());
    if (!writer.Write(part)) return;
    blob = blob.subspan(chunk.size());
  }
  writer.WritesDone();
}

}  // namespace tessera
