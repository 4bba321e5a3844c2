#include "worker/blob_cache.h"

#include <algorithm>
#include <vector>

#include "base/file.h"
#include "base/status_macros.h"
#include "protocol/merkle.h"
#include "spdlog/spdlog.h"

namespace tessera::worker {

namespace fs = std::filesystem;

absl::StatusOr<Bytes> BlobCache::Get(const BlobRoot& root, uint64_t bytes_max) {
  const fs::path path = folder_ / root.hex().substr(2);
  if (absl::StatusOr<Bytes> cached = ReadFile(path, bytes_max); cached.ok()) {
    const absl::StatusOr<BlobRoot> actual = ComputeBlobRoot(*cached);
    if (actual.ok() && *actual == root) return cached;
    spdlog::warn("cached blob {} is damaged; fetching it again", root.short_hex());
  }
  ASSIGN_OR_RETURN(Bytes blob, client_->FetchBlob(root, bytes_max));
  std::error_code error;
  fs::create_directories(folder_, error);
  // A cache that cannot be written costs a download next time, nothing else.
  if (const absl::Status written = WriteFileAtomic(path, blob); !written.ok()) {
    spdlog::warn("cannot keep blob {}: {}", root.short_hex(), written.ToString());
  }
  Prune();
  return blob;
}

void BlobCache::Prune() {
  struct Entry {
    fs::file_time_type written;
    fs::path path;
    uint64_t bytes;
  };
  std::vector<Entry> entries;
  uint64_t total = 0;
  std::error_code error;
  for (const fs::directory_entry& file : fs::directory_iterator(folder_, error)) {
    entries.push_back({file.last_write_time(error), file.path(), file.file_size(error)});
    total += entries.back().bytes;
  }
  std::sort(entries.begin(), entries.end(),
            [](const Entry& a, const Entry& b) { return a.written < b.written; });
  for (const Entry& entry : entries) {
    if (total <= kBlobCacheBytesMax) return;
    fs::remove(entry.path, error);
    total -= entry.bytes;
  }
}

}  // namespace tessera::worker
