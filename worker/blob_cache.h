// Blobs that were fetched once: shards stay on the disk, checked again whenever they are read.
#pragma once

#include <filesystem>

#include "worker/rpc/coordinator_client.h"

namespace tessera::worker {

inline constexpr uint64_t kBlobCacheBytesMax = uint64_t{4} << 30;

// One owner thread.
class BlobCache {
 public:
  // `client` outlives the cache.
  BlobCache(std::filesystem::path folder, CoordinatorClient* client)
      : folder_(std::move(folder)), client_(client) {}

  // From the disk if it is there and whole, else from the coordinator. Errors of FetchBlob.
  absl::StatusOr<Bytes> Get(const BlobRoot& root, uint64_t bytes_max);

 private:
  // Deletes the blobs that were longest not written, until the cache fits.
  void Prune();

  const std::filesystem::path folder_;
  CoordinatorClient* const client_;
};

}  // namespace tessera::worker
