// A folder of packed data: a manifest and the shards it names, each in a file named by its root.
#pragma once

#include <filesystem>

#include "protocol/blob_format.h"

namespace tessera::cli {

inline constexpr char kManifestFile[] = "manifest";

struct ShardFolder {
  std::filesystem::path path;
  Bytes manifest_bytes;
  BlobRoot manifest_root;
  DataManifest manifest;
};

// Reads the manifest only. NotFound if there is none; InvalidArgument if it is malformed.
absl::StatusOr<ShardFolder> OpenShardFolder(const std::filesystem::path& path);

// The bytes of one shard. NotFound, or DataLoss if they do not hash to the root.
absl::StatusOr<Bytes> ReadShard(const ShardFolder& folder, const ShardEntry& shard);

// Writes the shards, then the manifest, so that a folder with a manifest is complete.
absl::StatusOr<ShardFolder> WriteShardFolder(const std::filesystem::path& path,
                                             std::span<const DataShard> train,
                                             std::span<const DataShard> test);

}  // namespace tessera::cli
