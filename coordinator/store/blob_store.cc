#include "coordinator/store/blob_store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <functional>
#include <utility>

#include "base/file.h"
#include "base/status_macros.h"
#include "coordinator/store/blob_hasher.h"

namespace tessera::coordinator {
namespace {

namespace fs = std::filesystem;

absl::Status SystemError(std::string_view action, const fs::path& path) {
  const std::string message =
      "cannot " + std::string(action) + " " + path.string() + ": " + std::strerror(errno);
  if (errno == ENOENT) return absl::NotFoundError(message);
  if (errno == ENOSPC) return absl::ResourceExhaustedError(message);
  return absl::InternalError(message);
}

// Owns a file descriptor.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() { Close(); }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }
  void Close() {
    if (fd_ >= 0) ::close(std::exchange(fd_, -1));
  }

 private:
  int fd_;
};

absl::Status SyncFolder(const fs::path& folder) {
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return SystemError("open", folder);
  if (::fsync(directory.get()) != 0) return SystemError("flush", folder);
  return absl::OkStatus();
}

absl::Status MakeFolder(const fs::path& folder) {
  std::error_code error;
  fs::create_directories(folder, error);
  if (error)
    return absl::InternalError("cannot create " + folder.string() + ": " + error.message());
  return absl::OkStatus();
}

absl::StatusOr<uint64_t> SizeOf(int fd, const fs::path& path) {
  struct stat info;
  if (::fstat(fd, &info) != 0) return SystemError("inspect", path);
  return static_cast<uint64_t>(info.st_size);
}

class FileBlobWriter final : public BlobWriter {
 public:
  // `place` names the final file of a root.
  using Place = std::function<fs::path(const BlobRoot&)>;
  FileBlobWriter(fs::path incoming, int fd, uint64_t bytes_max, Place place)
      : incoming_(std::move(incoming)),
        file_(fd),
        bytes_max_(bytes_max),
        place_(std::move(place)) {}
  ~FileBlobWriter() override {
    if (!renamed_) ::unlink(incoming_.c_str());
  }

  absl::Status Append(ByteView bytes) override {
    if (!usable_) return absl::FailedPreconditionError("the blob failed or is committed");
    usable_ = false;
    if (bytes.size() > bytes_max_ - hasher_.bytes()) {
      return absl::ResourceExhaustedError("the blob has more than " + std::to_string(bytes_max_) +
                                          " bytes");
    }
    RETURN_IF_ERROR(hasher_.Append(bytes));
    RETURN_IF_ERROR(WriteAll(bytes));
    usable_ = true;
    return absl::OkStatus();
  }

  uint64_t bytes() const override { return hasher_.bytes(); }

  absl::Status Commit(const BlobRoot& expected_root) override {
    if (!usable_) return absl::FailedPreconditionError("the blob failed or is committed");
    usable_ = false;
    ASSIGN_OR_RETURN(const BlobRoot root, hasher_.Finish());
    if (root != expected_root) {
      return absl::InvalidArgumentError("the bytes have the root " + root.hex() +
                                        ", promised was " + expected_root.hex());
    }
    const fs::path path = place_(root);
    if (::fsync(file_.get()) != 0) return SystemError("flush", incoming_);
    file_.Close();
    RETURN_IF_ERROR(MakeFolder(path.parent_path()));
    // Two writers of one blob rename the same bytes over each other, which changes nothing.
    if (::rename(incoming_.c_str(), path.c_str()) != 0) return SystemError("rename", incoming_);
    renamed_ = true;
    // The folder may be new, by us or by another writer that has not flushed its name yet.
    RETURN_IF_ERROR(SyncFolder(path.parent_path()));
    return SyncFolder(path.parent_path().parent_path());
  }

 private:
  absl::Status WriteAll(ByteView bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::write(file_.get(), bytes.data(), bytes.size());
      if (count < 0 && errno == EINTR) continue;
      if (count < 0) return SystemError("write", incoming_);
      bytes = bytes.subspan(static_cast<size_t>(count));
    }
    return absl::OkStatus();
  }

  const fs::path incoming_;
  Descriptor file_;
  const uint64_t bytes_max_;
  const Place place_;
  BlobHasher hasher_;
  bool usable_ = true;
  bool renamed_ = false;
};

}  // namespace

absl::StatusOr<std::unique_ptr<FileBlobStore>> FileBlobStore::Open(const fs::path& folder) {
  std::error_code error;
  fs::remove_all(folder / "incoming", error);
  if (error) return absl::InternalError("cannot clean " + folder.string() + ": " + error.message());
  RETURN_IF_ERROR(MakeFolder(folder / "incoming"));
  for (int first = 0; first < 256; ++first) {
    const auto byte = static_cast<uint8_t>(first);
    RETURN_IF_ERROR(MakeFolder(folder / "blobs" / ToHex(ByteView(&byte, 1)).substr(2)));
  }
  RETURN_IF_ERROR(SyncFolder(folder / "blobs"));
  RETURN_IF_ERROR(SyncFolder(folder));
  return std::unique_ptr<FileBlobStore>(new FileBlobStore(folder));
}

fs::path FileBlobStore::PathOf(const BlobRoot& root) const {
  const std::string digits = root.hex().substr(2);
  return folder_ / "blobs" / digits.substr(0, 2) / digits.substr(2, 2) / digits;
}

absl::StatusOr<BlobRoot> FileBlobStore::Put(ByteView blob) {
  ASSIGN_OR_RETURN(const BlobRoot root, ComputeBlobRoot(blob));
  if (Has(root)) return root;
  ASSIGN_OR_RETURN(std::unique_ptr<BlobWriter> writer, NewWriter(blob.size()));
  RETURN_IF_ERROR(writer->Append(blob));
  RETURN_IF_ERROR(writer->Commit(root));
  return root;
}

bool FileBlobStore::Has(const BlobRoot& root) const {
  return ::access(PathOf(root).c_str(), F_OK) == 0;
}

absl::StatusOr<uint64_t> FileBlobStore::Size(const BlobRoot& root) const {
  const fs::path path = PathOf(root);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError("open blob", path);
  return SizeOf(file.get(), path);
}

absl::StatusOr<Bytes> FileBlobStore::Get(const BlobRoot& root, BlobCheck check) const {
  ASSIGN_OR_RETURN(Bytes blob, ReadFile(PathOf(root), kBlobBytesMax));
  if (check == BlobCheck::kRoot) {
    const absl::StatusOr<BlobRoot> actual = ComputeBlobRoot(blob);
    if (!actual.ok() || *actual != root) {
      return absl::DataLossError("the bytes of blob " + root.hex() + " were damaged in the store");
    }
  }
  return blob;
}

absl::Status FileBlobStore::Read(const BlobRoot& root, uint64_t offset,
                                 std::span<uint8_t> out) const {
  const fs::path path = PathOf(root);
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError("open blob", path);
  ASSIGN_OR_RETURN(const uint64_t size, SizeOf(file.get(), path));
  if (offset > size || out.size() > size - offset) {
    return absl::OutOfRangeError("blob " + root.hex() + " has only " + std::to_string(size) +
                                 " bytes");
  }
  while (!out.empty()) {
    const ssize_t count = ::pread(file.get(), out.data(), out.size(), static_cast<off_t>(offset));
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return SystemError("read", path);
    out = out.subspan(static_cast<size_t>(count));
    offset += static_cast<uint64_t>(count);
  }
  return absl::OkStatus();
}

absl::StatusOr<std::unique_ptr<BlobWriter>> FileBlobStore::NewWriter(uint64_t bytes_max) {
  const fs::path incoming = folder_ / "incoming" / std::to_string(writers_.fetch_add(1));
  const int fd = ::open(incoming.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
  if (fd < 0) return SystemError("create", incoming);
  return std::make_unique<FileBlobWriter>(incoming, fd, bytes_max,
                                          [this](const BlobRoot& root) { return PathOf(root); });
}

}  // namespace tessera::coordinator
