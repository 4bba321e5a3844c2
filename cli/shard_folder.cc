#include "cli/shard_folder.h"

#include "base/file.h"
#include "base/status_macros.h"
#include "protocol/merkle.h"

namespace tessera::cli {
namespace {

constexpr size_t kManifestBytesMax = 16 << 20;

absl::StatusOr<ShardEntry> WriteShard(const std::filesystem::path& path, const DataShard& shard) {
  const Bytes bytes = EncodeShard(shard);
  ASSIGN_OR_RETURN(const BlobRoot root, ComputeBlobRoot(bytes));
  RETURN_IF_ERROR(WriteFileAtomic(path / root.hex(), bytes));
  return ShardEntry{root, bytes.size()};
}

}  // namespace

absl::StatusOr<ShardFolder> OpenShardFolder(const std::filesystem::path& path) {
  ShardFolder folder;
  folder.path = path;
  absl::StatusOr<Bytes> bytes = ReadFile(path / kManifestFile, kManifestBytesMax);
  if (!bytes.ok()) return Annotate(bytes.status(), "`tessera data pack` makes such a folder");
  folder.manifest_bytes = *std::move(bytes);
  absl::StatusOr<DataManifest> manifest = DecodeManifest(folder.manifest_bytes);
  if (!manifest.ok()) return Annotate(manifest.status(), (path / kManifestFile).string());
  folder.manifest = *std::move(manifest);
  ASSIGN_OR_RETURN(folder.manifest_root, ComputeBlobRoot(folder.manifest_bytes));
  return folder;
}

absl::StatusOr<Bytes> ReadShard(const ShardFolder& folder, const ShardEntry& shard) {
  const std::filesystem::path path = folder.path / shard.root.hex();
  ASSIGN_OR_RETURN(Bytes bytes, ReadFile(path));
  const absl::StatusOr<BlobRoot> root = ComputeBlobRoot(bytes);
  if (!root.ok() || *root != shard.root) {
    return absl::DataLossError(path.string() + " does not hash to its name (pack the data again)");
  }
  return bytes;
}

absl::StatusOr<ShardFolder> WriteShardFolder(const std::filesystem::path& path,
                                             std::span<const DataShard> train,
                                             std::span<const DataShard> test) {
  std::error_code error;
  std::filesystem::create_directories(path, error);
  if (error) return absl::InternalError("cannot create " + path.string() + ": " + error.message());
  ShardFolder folder;
  folder.path = path;
  for (const auto& [shards, entries] :
       {std::pair(train, &folder.manifest.train), std::pair(test, &folder.manifest.test)}) {
    for (const DataShard& shard : shards) {
      ASSIGN_OR_RETURN(const ShardEntry entry, WriteShard(path, shard));
      entries->push_back(entry);
    }
  }
  folder.manifest_bytes = EncodeManifest(folder.manifest);
  ASSIGN_OR_RETURN(folder.manifest_root, ComputeBlobRoot(folder.manifest_bytes));
  RETURN_IF_ERROR(WriteFileAtomic(path / kManifestFile, folder.manifest_bytes));
  return folder;
}

}  // namespace tessera::cli
