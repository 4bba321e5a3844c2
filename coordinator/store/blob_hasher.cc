#include "coordinator/store/blob_hasher.h"

#include <algorithm>
#include <bit>

namespace tessera::coordinator {
namespace {

constexpr uint8_t kLeafPrefix = 0x00;
constexpr uint8_t kNodePrefix = 0x01;
constexpr uint8_t kBlobPrefix = 0x03;

}  // namespace

void BlobHasher::StartChunk() { chunk_.Update(ByteView(&kLeafPrefix, 1)); }

absl::Status BlobHasher::Append(ByteView bytes) {
  if (bytes.size() > kBlobBytesMax - bytes_) {
    return absl::ResourceExhaustedError("a blob has at most " + std::to_string(kBlobBytesMax) +
                                        " bytes");
  }
  while (!bytes.empty()) {
    const uint64_t filled = bytes_ % kBlobChunkBytes;
    const size_t count = std::min<size_t>(bytes.size(), kBlobChunkBytes - filled);
    chunk_.Update(bytes.first(count));
    bytes = bytes.subspan(count);
    bytes_ += count;
    if (bytes_ % kBlobChunkBytes == 0) {
      leaves_.push_back(chunk_.Finish());
      StartChunk();
    }
  }
  return absl::OkStatus();
}

absl::StatusOr<BlobRoot> BlobHasher::Finish() {
  if (bytes_ == 0) return absl::InvalidArgumentError("an empty blob has no root");
  std::vector<Digest> level = std::move(leaves_);
  if (bytes_ % kBlobChunkBytes != 0) level.push_back(chunk_.Finish());
  level.resize(std::bit_ceil(level.size()));  // Padded with zero digests.
  Sha256Hasher hasher;
  while (level.size() > 1) {
    for (size_t i = 0; i < level.size() / 2; ++i) {
      level[i] = hasher.Update(ByteView(&kNodePrefix, 1))
                     .Update(level[2 * i].view())
                     .Update(level[2 * i + 1].view())
                     .Finish();
    }
    level.resize(level.size() / 2);
  }
  ByteWriter length;
  length.Be(bytes_);
  const Digest root = hasher.Update(ByteView(&kBlobPrefix, 1))
                          .Update(length.bytes())
                          .Update(level[0].view())
                          .Finish();
  return BlobRoot::FromBytes(root.view());
}

}  // namespace tessera::coordinator
