// The journal: every event of every job, in the order in which they were applied. It is the
// coordinator's only memory; all state is rebuilt from it.
#pragma once

#include <filesystem>
#include <memory>

#include "absl/functional/function_ref.h"
#include "absl/status/statusor.h"
#include "coordinator/core/event.h"

struct sqlite3;

namespace tessera::coordinator {

inline constexpr int kJournalSchemaVersion = 1;

// Not thread-safe; owned by the driver thread.
class Journal {
 public:
  virtual ~Journal() = default;

  // Appends all events or none; on return they survive a loss of power. One call is one flush of
  // the disk, so callers collect what arrives meanwhile. InvalidArgument if an event cannot be
  // written down, before anything is.
  virtual absl::Status Append(std::span<const Event> events) = 0;

  // Calls `visit` with every event, oldest first, until it fails; returns that error. DataLoss,
  // naming the row, for a row that is missing, changed or malformed.
  virtual absl::Status Replay(absl::FunctionRef<absl::Status(const Event&)> visit) const = 0;

  // Events appended so far.
  virtual uint64_t size() const = 0;
};

// A SQLite file in WAL mode that flushes at every commit. Each row carries a SHA-256 over the
// digest of the row before and its own text, and a head names the last one, so that no row can be
// lost, changed or moved unnoticed.
class SqliteJournal final : public Journal {
 public:
  // Creates the file if it is absent. Unavailable while another process has it open; DataLoss if
  // its integrity check fails or it is no journal; FailedPrecondition for another schema version.
  static absl::StatusOr<std::unique_ptr<SqliteJournal>> Open(const std::filesystem::path& path);
  ~SqliteJournal() override;

  absl::Status Append(std::span<const Event> events) override;
  absl::Status Replay(absl::FunctionRef<absl::Status(const Event&)> visit) const override;
  uint64_t size() const override { return size_; }

 private:
  struct Closer {
    void operator()(sqlite3* database) const;
  };
  explicit SqliteJournal(std::unique_ptr<sqlite3, Closer> database);

  absl::Status Prepare();
  absl::Status CreateSchema();
  absl::Status ReadHead();
  absl::Status AppendRows(std::span<const std::string> texts);

  const std::unique_ptr<sqlite3, Closer> database_;
  uint64_t size_ = 0;
  Digest head_;  // Of the last row; zero for none.
};

}  // namespace tessera::coordinator
