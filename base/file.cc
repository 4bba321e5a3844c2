#include "base/file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <string>

#include "base/status_macros.h"

namespace tessera {
namespace {

absl::Status SystemError(std::string_view action, const std::filesystem::path& path) {
  const int error = errno;
  const std::string message =
      "cannot " + std::string(action) + " " + path.string() + ": " + std::strerror(error);
  if (error == ENOENT) return absl::NotFoundError(message);
  if (error == EEXIST) return absl::AlreadyExistsError(message);
  if (error == EACCES || error == EPERM) return absl::PermissionDeniedError(message);
  return absl::InternalError(message);
}

// Closes a file descriptor at the end of its scope.
class Descriptor {
 public:
  explicit Descriptor(int fd) : fd_(fd) {}
  ~Descriptor() {
    if (fd_ >= 0) ::close(fd_);
  }
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  int get() const { return fd_; }

 private:
  int fd_;
};

absl::Status WriteAll(int fd, ByteView bytes, const std::filesystem::path& path) {
  while (!bytes.empty()) {
    const ssize_t count = ::write(fd, bytes.data(), bytes.size());
    if (count < 0) {
      if (errno == EINTR) continue;
      return SystemError("write", path);
    }
    bytes = bytes.subspan(static_cast<size_t>(count));
  }
  return absl::OkStatus();
}

// A name beside `path` that no other thread or process uses.
std::filesystem::path TemporaryBeside(const std::filesystem::path& path) {
  static std::atomic<uint64_t> counter{0};
  std::filesystem::path temporary = path;
  temporary += ".tmp." + std::to_string(::getpid()) + "." + std::to_string(counter.fetch_add(1));
  return temporary;
}

absl::Status WriteFlushed(const std::filesystem::path& path, ByteView bytes, int mode) {
  Descriptor file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode));
  if (file.get() < 0) return SystemError("create", path);
  RETURN_IF_ERROR(WriteAll(file.get(), bytes, path));
  if (::fsync(file.get()) != 0) return SystemError("flush", path);
  return absl::OkStatus();
}

// Makes a name that was just given or taken in the folder of `path` survive a power cut.
absl::Status FlushFolderOf(const std::filesystem::path& path) {
  const std::filesystem::path folder = path.has_parent_path() ? path.parent_path() : ".";
  Descriptor directory(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.get() < 0) return SystemError("open", folder);
  if (::fsync(directory.get()) != 0) return SystemError("flush", folder);
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Bytes> ReadFile(const std::filesystem::path& path, size_t bytes_max) {
  Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.get() < 0) return SystemError("open", path);
  struct stat info;
  if (::fstat(file.get(), &info) != 0) return SystemError("inspect", path);
  if (!S_ISREG(info.st_mode)) return absl::InvalidArgumentError(path.string() + " is not a file");
  const size_t size = static_cast<size_t>(info.st_size);
  if (size > bytes_max) {
    return absl::ResourceExhaustedError(path.string() + " has " + std::to_string(size) +
                                        " bytes, more than " + std::to_string(bytes_max));
  }
  Bytes bytes(size);
  size_t done = 0;
  while (done < size) {
    const ssize_t count = ::read(file.get(), bytes.data() + done, size - done);
    if (count < 0 && errno == EINTR) continue;
    if (count < 0) return SystemError("read", path);
    if (count == 0) break;
    done += static_cast<size_t>(count);
  }
  bytes.resize(done);
  return bytes;
}

absl::Status WriteFileAtomic(const std::filesystem::path& path, ByteView bytes, int mode) {
  const std::filesystem::path temporary = TemporaryBeside(path);
  absl::Status written = WriteFlushed(temporary, bytes, mode);
  if (written.ok() && ::rename(temporary.c_str(), path.c_str()) != 0) {
    written = SystemError("rename a temporary file to", path);
  }
  if (!written.ok()) {
    ::unlink(temporary.c_str());
    return written;
  }
  return FlushFolderOf(path);
}

absl::Status CreateFileAtomic(const std::filesystem::path& path, ByteView bytes, int mode) {
  const std::filesystem::path temporary = TemporaryBeside(path);
  absl::Status written = WriteFlushed(temporary, bytes, mode);
  // Unlike rename, link refuses a name that is taken.
  if (written.ok() && ::link(temporary.c_str(), path.c_str()) != 0) {
    written = SystemError("create", path);
  }
  ::unlink(temporary.c_str());
  RETURN_IF_ERROR(written);
  return FlushFolderOf(path);
}

}  // namespace tessera
