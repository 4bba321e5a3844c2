#include "worker/core/state_store.h"

#include <gtest/gtest.h>

#include <fstream>

#include "base/file.h"
#include "protocol/merkle.h"
#include "tests/base/temporary_folder.h"

namespace tessera::worker {
namespace {

const RunId kRun(std::array<uint8_t, 32>{1});
const RunId kOtherRun(std::array<uint8_t, 32>{2});

StoredState MakeState(uint8_t content) {
  const Bytes bytes(100, content);
  return {.bytes = bytes, .root = *ComputeBlobRoot(bytes), .mean_loss = 0.25};
}

void ExpectStoresAndForgets(StateStore& store) {
  EXPECT_EQ(store.Get(kRun, 0).status().code(), absl::StatusCode::kNotFound);
  ASSERT_TRUE(store.Put(kRun, 0, MakeState(5)).ok());
  ASSERT_TRUE(store.Put(kRun, 12, MakeState(6)).ok());
  ASSERT_TRUE(store.Put(kOtherRun, 0, MakeState(7)).ok());
  const absl::StatusOr<StoredState> state = store.Get(kRun, 12);
  ASSERT_TRUE(state.ok()) << state.status();
  EXPECT_EQ(state->bytes, MakeState(6).bytes);
  EXPECT_EQ(state->root, MakeState(6).root);
  EXPECT_EQ(state->mean_loss, 0.25);
  ASSERT_TRUE(store.Drop(kRun).ok());
  ASSERT_TRUE(store.Drop(kRun).ok());
  EXPECT_EQ(store.Get(kRun, 0).status().code(), absl::StatusCode::kNotFound);
  EXPECT_TRUE(store.Get(kOtherRun, 0).ok());
}

TEST(MemoryStateStoreTest, StoresAndForgets) {
  MemoryStateStore store;
  ExpectStoresAndForgets(store);
}

TEST(FileStateStoreTest, StoresAndForgets) {
  const TemporaryFolder folder;
  FileStateStore store(folder / "states");
  ExpectStoresAndForgets(store);
}

TEST(FileStateStoreTest, AnotherProcessFindsTheStates) {
  const TemporaryFolder folder;
  ASSERT_TRUE(FileStateStore(folder / "states").Put(kRun, 3, MakeState(1)).ok());
  EXPECT_TRUE(FileStateStore(folder / "states").Get(kRun, 3).ok());
}

TEST(FileStateStoreTest, ReportsEveryFlippedByte) {
  const TemporaryFolder folder;
  FileStateStore store(folder / "states");
  ASSERT_TRUE(store.Put(kRun, 0, MakeState(1)).ok());
  const std::filesystem::path path = folder / "states" / kRun.hex().substr(2) / "0.state";
  const absl::StatusOr<Bytes> record = ReadFile(path);
  ASSERT_TRUE(record.ok());
  for (size_t i = 0; i < record->size(); ++i) {
    if (i >= 8 && i < 16) continue;  // The loss is information, not evidence.
    Bytes damaged = *record;
    damaged[i] ^= 0x40;
    ASSERT_TRUE(WriteFileAtomic(path, damaged).ok());
    EXPECT_EQ(store.Get(kRun, 0).status().code(), absl::StatusCode::kDataLoss) << "byte " << i;
  }
  ASSERT_TRUE(WriteFileAtomic(path, ByteView(*record).first(20)).ok());
  EXPECT_EQ(store.Get(kRun, 0).status().code(), absl::StatusCode::kDataLoss);
}

}  // namespace
}  // namespace tessera::worker
