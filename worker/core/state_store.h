// Where a round's states wait for an audit: in memory, or on disk so that a restarted worker still
// has them.
#pragma once

#include <filesystem>
#include <map>

#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "protocol/ids.h"

namespace tessera::worker {

// Names everything that decides the bits of a run, so that states of another base model, shard or
// engine are never mistaken for this run's. Computed by ComputeRunId.
using RunId = FixedBytes<struct RunIdTag, 32>;

// One state of a run: its canonical bytes, their blob root, and the mean loss of the segment that
// led to it.
struct StoredState {
  Bytes bytes;
  BlobRoot root;
  double mean_loss = 0;
};

// One owner thread. A state is written once, complete or not at all.
class StateStore {
 public:
  virtual ~StateStore() = default;

  virtual absl::Status Put(const RunId& run, uint32_t index, const StoredState& state) = 0;
  // NotFound if never put or dropped; DataLoss if what is stored no longer has the root it was
  // stored with.
  virtual absl::StatusOr<StoredState> Get(const RunId& run, uint32_t index) const = 0;
  // Forgets all states of a run; a run without states is no error.
  virtual absl::Status Drop(const RunId& run) = 0;
};

class MemoryStateStore final : public StateStore {
 public:
  absl::Status Put(const RunId& run, uint32_t index, const StoredState& state) override;
  absl::StatusOr<StoredState> Get(const RunId& run, uint32_t index) const override;
  absl::Status Drop(const RunId& run) override;

 private:
  std::map<std::pair<RunId, uint32_t>, StoredState> states_;
};

// Files `<folder>/<run in hex>/<index>.state`, little-endian:
//   "TSRW" u16 version=1 u16 reserved=0 f64 mean_loss root(32) state bytes
// Get recomputes the root, so a flipped bit on the disk costs a re-training, never a false
// commitment.
class FileStateStore final : public StateStore {
 public:
  // `folder` is made when the first state is put.
  explicit FileStateStore(std::filesystem::path folder) : folder_(std::move(folder)) {}

  absl::Status Put(const RunId& run, uint32_t index, const StoredState& state) override;
  absl::StatusOr<StoredState> Get(const RunId& run, uint32_t index) const override;
  absl::Status Drop(const RunId& run) override;

 private:
  std::filesystem::path RunFolder(const RunId& run) const;
  std::filesystem::path StatePath(const RunId& run, uint32_t index) const;

  const std::filesystem::path folder_;
};

}  // namespace tessera::worker
