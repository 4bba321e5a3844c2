#include "worker/core/state_store.h"

#include <system_error>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "protocol/merkle.h"

namespace tessera::worker {
namespace {

constexpr std::string_view kMagic = "TSRW";
constexpr uint16_t kVersion = 1;

absl::Status NoState(const RunId& run, uint32_t index) {
  return absl::NotFoundError(absl::StrCat("no state ", index, " of run ", run.short_hex()));
}

Bytes EncodeRecord(const StoredState& state) {
  ByteWriter writer;
  writer.Raw(AsBytes(kMagic)).Le<uint16_t>(kVersion).Le<uint16_t>(0).Le<double>(state.mean_loss);
  writer.Raw(state.root.view()).Raw(state.bytes);
  return std::move(writer).Take();
}

absl::StatusOr<StoredState> DecodeRecord(ByteView record) {
  ByteReader reader(record);
  ASSIGN_OR_RETURN(const ByteView magic, reader.Raw(kMagic.size(), "magic"));
  ASSIGN_OR_RETURN(const uint16_t version, reader.Le<uint16_t>("version"));
  ASSIGN_OR_RETURN(const uint16_t reserved, reader.Le<uint16_t>("reserved"));
  if (AsText(magic) != kMagic || version != kVersion || reserved != 0) {
    return absl::DataLossError("not a version 1 state record");
  }
  StoredState state;
  ASSIGN_OR_RETURN(state.mean_loss, reader.Le<double>("mean loss"));
  ASSIGN_OR_RETURN(const ByteView root, reader.Raw(BlobRoot::kSize, "root"));
  ASSIGN_OR_RETURN(state.root, BlobRoot::FromBytes(root));
  ASSIGN_OR_RETURN(const ByteView bytes, reader.Raw(reader.remaining(), "state"));
  ASSIGN_OR_RETURN(const BlobRoot actual, ComputeBlobRoot(bytes));
  if (actual != state.root) return absl::DataLossError("state bytes do not have the recorded root");
  state.bytes.assign(bytes.begin(), bytes.end());
  return state;
}

absl::Status FromErrorCode(const std::error_code& error, const std::filesystem::path& path) {
  if (!error) return absl::OkStatus();
  return absl::InternalError(absl::StrCat(path.string(), ": ", error.message()));
}

}  // namespace

absl::Status MemoryStateStore::Put(const RunId& run, uint32_t index, const StoredState& state) {
  states_[{run, index}] = state;
  return absl::OkStatus();
}

absl::StatusOr<StoredState> MemoryStateStore::Get(const RunId& run, uint32_t index) const {
  const auto found = states_.find({run, index});
  if (found == states_.end()) return NoState(run, index);
  return found->second;
}

absl::Status MemoryStateStore::Drop(const RunId& run) {
  states_.erase(states_.lower_bound({run, 0}), states_.upper_bound({run, UINT32_MAX}));
  return absl::OkStatus();
}

absl::Status FileStateStore::Put(const RunId& run, uint32_t index, const StoredState& state) {
  std::error_code error;
  std::filesystem::create_directories(RunFolder(run), error);
  RETURN_IF_ERROR(FromErrorCode(error, RunFolder(run)));
  return WriteFileAtomic(StatePath(run, index), EncodeRecord(state));
}

absl::StatusOr<StoredState> FileStateStore::Get(const RunId& run, uint32_t index) const {
  absl::StatusOr<Bytes> record = ReadFile(StatePath(run, index));
  if (absl::IsNotFound(record.status())) return NoState(run, index);
  if (!record.ok()) return record.status();
  absl::StatusOr<StoredState> state = DecodeRecord(*record);
  if (!state.ok()) {
    return absl::DataLossError(
        absl::StrCat(StatePath(run, index).string(), ": ", state.status().message()));
  }
  return state;
}

absl::Status FileStateStore::Drop(const RunId& run) {
  std::error_code error;
  std::filesystem::remove_all(RunFolder(run), error);
  return FromErrorCode(error, RunFolder(run));
}

std::filesystem::path FileStateStore::RunFolder(const RunId& run) const {
  return folder_ / run.hex().substr(2);
}

std::filesystem::path FileStateStore::StatePath(const RunId& run, uint32_t index) const {
  return RunFolder(run) / absl::StrCat(index, ".state");
}

}  // namespace tessera::worker
