// Blobs by their root: models, updates, states and shards. The journal holds roots only; the bytes
// are here.
#pragma once

#include <atomic>
#include <filesystem>
#include <memory>

#include "absl/status/statusor.h"
#include "protocol/merkle.h"

namespace tessera::coordinator {

// One blob on its way in, whose bytes are hashed as they come and are never in memory as a whole.
// Dropped without Commit it leaves nothing behind. Not thread-safe; each thread writes its own.
class BlobWriter {
 public:
  virtual ~BlobWriter() = default;

  // ResourceExhausted above the limit given to NewWriter. After an error the blob cannot be
  // committed.
  virtual absl::Status Append(ByteView bytes) = 0;
  virtual uint64_t bytes() const = 0;

  // Makes the blob durable under its root. InvalidArgument, and nothing kept, if the bytes have
  // another root. FailedPrecondition after an error or a second time.
  virtual absl::Status Commit(const BlobRoot& expected_root) = 0;
};

enum class BlobCheck {
  kNone,
  kRoot,  // Hashes what was read.
};

// Thread-safe.
class BlobStore {
 public:
  virtual ~BlobStore() = default;

  // Durable on return; storing a blob again changes nothing. InvalidArgument if empty.
  virtual absl::StatusOr<BlobRoot> Put(ByteView blob) = 0;
  virtual bool Has(const BlobRoot& root) const = 0;
  // Bytes of the blob. NotFound.
  virtual absl::StatusOr<uint64_t> Size(const BlobRoot& root) const = 0;
  // NotFound; DataLoss if the check fails.
  virtual absl::StatusOr<Bytes> Get(const BlobRoot& root, BlobCheck check) const = 0;
  // Fills `out` from byte `offset` on, for reading in chunks. NotFound; OutOfRange past the end.
  virtual absl::Status Read(const BlobRoot& root, uint64_t offset,
                            std::span<uint8_t> out) const = 0;
  virtual absl::StatusOr<std::unique_ptr<BlobWriter>> NewWriter(uint64_t bytes_max) = 0;
};

// A folder of files: <folder>/blobs/ab/cd/<64 digits>, and <folder>/incoming/ for blobs on their
// way in. Files appear by rename once their bytes are flushed, so a crash leaves whole blobs only.
class FileBlobStore final : public BlobStore {
 public:
  // Creates what is missing and deletes what a crash left in incoming/. One process at a time may
  // use a folder.
  static absl::StatusOr<std::unique_ptr<FileBlobStore>> Open(const std::filesystem::path& folder);

  absl::StatusOr<BlobRoot> Put(ByteView blob) override;
  bool Has(const BlobRoot& root) const override;
  absl::StatusOr<uint64_t> Size(const BlobRoot& root) const override;
  absl::StatusOr<Bytes> Get(const BlobRoot& root, BlobCheck check) const override;
  absl::Status Read(const BlobRoot& root, uint64_t offset, std::span<uint8_t> out) const override;
  absl::StatusOr<std::unique_ptr<BlobWriter>> NewWriter(uint64_t bytes_max) override;

 private:
  explicit FileBlobStore(std::filesystem::path folder) : folder_(std::move(folder)) {}
  std::filesystem::path PathOf(const BlobRoot& root) const;

  const std::filesystem::path folder_;
  std::atomic<uint64_t> writers_{0};  // Names the files in incoming/.
};

}  // namespace tessera::coordinator
