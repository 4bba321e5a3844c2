#include "base/file.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <atomic>
#include <thread>

#include "tests/base/temporary_folder.h"

namespace tessera {
namespace {

using absl::StatusCode;

Bytes BytesOf(std::string_view text) { return {text.begin(), text.end()}; }

int ModeOf(const std::filesystem::path& path) {
  struct stat info {};
  EXPECT_EQ(::stat(path.c_str(), &info), 0);
  return static_cast<int>(info.st_mode & 0777);
}

TEST(File, ReadsWhatWasWritten) {
  TemporaryFolder folder;
  for (size_t size : {0, 1, 4096, 1 << 20}) {
    const Bytes bytes(size, 0xa5);
    ASSERT_TRUE(WriteFileAtomic(folder / "file", bytes).ok());
    EXPECT_EQ(ReadFile(folder / "file").value(), bytes);
  }
  EXPECT_EQ(folder.size(), 1u) << "a temporary file was left behind";
}

TEST(File, ReadRefusesAbsentLongAndIrregularFiles) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "file", Bytes(10)).ok());
  EXPECT_EQ(ReadFile(folder / "absent").status().code(), StatusCode::kNotFound);
  EXPECT_TRUE(ReadFile(folder / "file", 10).ok());
  EXPECT_EQ(ReadFile(folder / "file", 9).status().code(), StatusCode::kResourceExhausted);
  EXPECT_EQ(ReadFile(folder / "").status().code(), StatusCode::kInvalidArgument);
}

TEST(File, ReplacementIsOneStep) {
  // A reader beside a writer sees one of the two contents, never a part or a mixture.
  TemporaryFolder folder;
  const Bytes old_content(100'000, 'a');
  const Bytes new_content(50'000, 'b');
  ASSERT_TRUE(WriteFileAtomic(folder / "file", old_content).ok());
  std::thread writer([&] {
    for (int i = 0; i < 20; ++i) {
      EXPECT_TRUE(WriteFileAtomic(folder / "file", i % 2 == 0 ? new_content : old_content).ok());
    }
  });
  for (int i = 0; i < 200; ++i) {
    const absl::StatusOr<Bytes> seen = ReadFile(folder / "file");
    ASSERT_TRUE(seen.ok()) << seen.status();
    EXPECT_TRUE(*seen == old_content || *seen == new_content) << seen->size();
  }
  writer.join();
}

TEST(File, FailedWriteLeavesOldContentAndNoTemporaryFile) {
  TemporaryFolder folder;
  EXPECT_EQ(WriteFileAtomic(folder / "no/such/folder", Bytes(1)).code(), StatusCode::kNotFound);
  ASSERT_TRUE(std::filesystem::create_directory(folder / "taken"));
  EXPECT_EQ(WriteFileAtomic(folder / "taken", Bytes(1)).code(), StatusCode::kInternal);
  EXPECT_EQ(folder.size(), 1u);
}

TEST(File, NewFilesGetTheMode) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "secret", Bytes(1), 0600).ok());
  EXPECT_EQ(ModeOf(folder / "secret"), 0600);
}

TEST(File, CreateNeverReplaces) {
  TemporaryFolder folder;
  ASSERT_TRUE(CreateFileAtomic(folder / "file", BytesOf("first"), 0600).ok());
  EXPECT_EQ(CreateFileAtomic(folder / "file", BytesOf("second")).code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadFile(folder / "file").value(), BytesOf("first"));
  EXPECT_EQ(ModeOf(folder / "file"), 0600);
  EXPECT_EQ(folder.size(), 1u);
}

TEST(File, OneOfManyCreatorsWins) {
  TemporaryFolder folder;
  std::atomic<int> created{0};
  std::vector<std::thread> creators;
  for (int i = 0; i < 8; ++i) {
    creators.emplace_back([&] {
      if (CreateFileAtomic(folder / "file", Bytes(1)).ok()) ++created;
    });
  }
  for (std::thread& creator : creators) creator.join();
  EXPECT_EQ(created, 1);
  EXPECT_EQ(folder.size(), 1u);
}

}  // namespace
}  // namespace tessera
