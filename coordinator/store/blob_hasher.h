// The root of a blob that arrives in pieces. docs/protocol.md, "Blob root".
#pragma once

#include <vector>

#include "base/hash.h"
#include "protocol/merkle.h"

namespace tessera::coordinator {

// Keeps 32 bytes for each 64 KiB of the blob. Not thread-safe.
class BlobHasher {
 public:
  BlobHasher() { StartChunk(); }

  // ResourceExhausted above kBlobBytesMax; the blob so far stays as it was.
  absl::Status Append(ByteView bytes);
  uint64_t bytes() const { return bytes_; }

  // The root of everything appended. InvalidArgument if that is nothing. Appends nothing more
  // afterwards.
  absl::StatusOr<BlobRoot> Finish();

 private:
  void StartChunk();

  Sha256Hasher chunk_;
  uint64_t bytes_ = 0;
  std::vector<Digest> leaves_;  // Of full chunks.
};

}  // namespace tessera::coordinator
