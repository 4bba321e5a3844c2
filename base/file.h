// Whole files, written so that a crash leaves either the old or the new content.
#pragma once

#include <filesystem>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera {

// NotFound if absent; ResourceExhausted if longer than `bytes_max`; Internal for other errors of the system.
absl::StatusOr<Bytes> ReadFile(const std::filesystem::path& path,
                               size_t bytes_max = size_t{1} << 36);

// Writes a temporary file beside `path`, flushes it to the disk, renames it and flushes the folder.
// `mode` is the permission bits of a new file.
absl::Status WriteFileAtomic(const std::filesystem::path& path, ByteView bytes, int mode = 0644);

// The same, but never replaces a file: AlreadyExists if `path` exists, also when two processes race to create it.
absl::Status CreateFileAtomic(const std::filesystem::path& path, ByteView bytes, int mode = 0644);

}  // namespace tessera
