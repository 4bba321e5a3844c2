#include "coordinator/store/journal.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sqlite3.h>
#include <unistd.h>

#include <fstream>

namespace tessera::coordinator {
namespace {

namespace fs = std::filesystem;
using testing::HasSubstr;

class JournalTest : public testing::Test {
 protected:
  void SetUp() override {
    folder_ =
        fs::path(testing::TempDir()) /
        (std::string("journal-") + testing::UnitTest::GetInstance()->current_test_info()->name() +
         "-" + std::to_string(::getpid()));
    fs::remove_all(folder_);
    fs::create_directories(folder_);
    path_ = folder_ / "journal.db";
  }
  void TearDown() override { fs::remove_all(folder_); }

  std::unique_ptr<SqliteJournal> Open() {
    auto journal = SqliteJournal::Open(path_);
    EXPECT_TRUE(journal.ok()) << journal.status();
    return journal.ok() ? *std::move(journal) : nullptr;
  }

  static std::vector<Event> Events(RoundId first, size_t count) {
    std::vector<Event> events;
    for (size_t i = 0; i < count; ++i) {
      events.push_back({JobId{}, static_cast<int64_t>(i), DeadlinePassed{first + i}});
    }
    return events;
  }

  // The rounds of all events in the journal, and how reading ended.
  static std::pair<std::vector<RoundId>, absl::Status> ReadAll(const Journal& journal) {
    std::vector<RoundId> rounds;
    absl::Status status = journal.Replay([&](const Event& event) {
      rounds.push_back(std::get<DeadlinePassed>(event.body).round);
      return absl::OkStatus();
    });
    return {rounds, status};
  }

  // Changes the file as another program would.
  void Tamper(const std::string& sql) {
    sqlite3* database = nullptr;
    ASSERT_EQ(sqlite3_open(path_.c_str(), &database), SQLITE_OK);
    char* error = nullptr;
    EXPECT_EQ(sqlite3_exec(database, sql.c_str(), nullptr, nullptr, &error), SQLITE_OK) << error;
    sqlite3_close(database);
  }

  // Five good rows, tampered with; reading must be DataLoss with this text after `good` rows.
  void ExpectLoss(const std::string& sql, const std::string& text, size_t good) {
    ASSERT_TRUE(Open()->Append(Events(0, 5)).ok());
    Tamper(sql);
    const auto journal = Open();
    ASSERT_NE(journal, nullptr);
    const auto [rounds, status] = ReadAll(*journal);
    EXPECT_EQ(status.code(), absl::StatusCode::kDataLoss);
    EXPECT_THAT(std::string(status.message()), HasSubstr(text));
    EXPECT_EQ(rounds.size(), good);
  }

  fs::path folder_;
  fs::path path_;
};

TEST_F(JournalTest, GivesBackWhatWasAppendedInOrderAfterReopening) {
  {
    const auto journal = Open();
    EXPECT_EQ(journal->size(), 0u);
    ASSERT_TRUE(journal->Append(Events(0, 3)).ok());
    ASSERT_TRUE(journal->Append({}).ok());
    ASSERT_TRUE(journal->Append(Events(3, 2)).ok());
    EXPECT_EQ(journal->size(), 5u);
  }
  const auto journal = Open();
  EXPECT_EQ(journal->size(), 5u);
  const auto [rounds, status] = ReadAll(*journal);
  EXPECT_TRUE(status.ok()) << status;
  EXPECT_THAT(rounds, testing::ElementsAre(0, 1, 2, 3, 4));
  ASSERT_TRUE(journal->Append(Events(5, 1)).ok());
  EXPECT_EQ(ReadAll(*journal).first.size(), 6u);
}

// A copy of the files while the journal is open is what a loss of power leaves.
TEST_F(JournalTest, AppendedEventsSurviveAKill) {
  const auto journal = Open();
  ASSERT_TRUE(journal->Append(Events(0, 7)).ok());
  const fs::path crashed = folder_ / "crashed.db";
  fs::copy_file(path_, crashed);
  if (fs::exists(path_.string() + "-wal"))
    fs::copy_file(path_.string() + "-wal", crashed.string() + "-wal");
  auto reopened = SqliteJournal::Open(crashed);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->size(), 7u);
  EXPECT_TRUE(ReadAll(**reopened).second.ok());
}

// A torn write-ahead log loses the batch that was being written, never a part of it.
TEST_F(JournalTest, BatchIsKeptWholeOrNotAtAll) {
  const fs::path crashed = folder_ / "crashed.db";
  {
    const auto journal = Open();
    ASSERT_TRUE(journal->Append(Events(0, 4)).ok());
    ASSERT_TRUE(journal->Append(Events(4, 50)).ok());
    fs::copy_file(path_, crashed);
    fs::copy_file(path_.string() + "-wal", crashed.string() + "-wal");
  }
  const fs::path wal = crashed.string() + "-wal";
  fs::resize_file(wal, fs::file_size(wal) - 100);
  auto reopened = SqliteJournal::Open(crashed);
  ASSERT_TRUE(reopened.ok()) << reopened.status();
  EXPECT_EQ((*reopened)->size(), 4u);
  EXPECT_TRUE(ReadAll(**reopened).second.ok());
  EXPECT_TRUE((*reopened)->Append(Events(4, 1)).ok());
}

TEST_F(JournalTest, RefusesASecondWriter) {
  const auto journal = Open();
  EXPECT_EQ(SqliteJournal::Open(path_).status().code(), absl::StatusCode::kUnavailable);
}

TEST_F(JournalTest, UnwritableEventLeavesTheWholeBatchOut) {
  const auto journal = Open();
  std::vector<Event> events = Events(0, 2);
  events.push_back({JobId{}, 0, JobLaunched{}});
  EXPECT_EQ(journal->Append(events).code(), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(journal->size(), 0u);
  EXPECT_TRUE(ReadAll(*journal).first.empty());
}

TEST_F(JournalTest, VisitorsErrorEndsTheReplay) {
  const auto journal = Open();
  ASSERT_TRUE(journal->Append(Events(0, 5)).ok());
  int visits = 0;
  const absl::Status status = journal->Replay([&](const Event&) {
    return ++visits == 2 ? absl::CancelledError("enough") : absl::OkStatus();
  });
  EXPECT_EQ(status.code(), absl::StatusCode::kCancelled);
  EXPECT_EQ(visits, 2);
  EXPECT_EQ(ReadAll(*journal).first.size(), 5u);
}

TEST_F(JournalTest, MissingRowIsDataLoss) {
  ExpectLoss("DELETE FROM event WHERE row = 3", "row 3 is missing", 2);
}
TEST_F(JournalTest, MissingLastRowIsDataLoss) {
  ExpectLoss("DELETE FROM event WHERE row = 5", "row 5 is missing", 4);
}
TEST_F(JournalTest, ChangedRowIsDataLoss) {
  ExpectLoss("UPDATE event SET text = replace(text, 'round\":2', 'round\":9') WHERE row = 3",
             "row 3 was changed", 2);
}
TEST_F(JournalTest, SwappedRowsAreDataLoss) {
  ExpectLoss(
      "UPDATE event SET row = 9 WHERE row = 2; UPDATE event SET row = 2 WHERE row = 3;"
      "UPDATE event SET row = 3 WHERE row = 9",
      "row 2 was changed", 1);
}
TEST_F(JournalTest, TruncatedTextIsDataLoss) {
  ExpectLoss("UPDATE event SET text = substr(text, 1, 10) WHERE row = 4", "row 4", 3);
}
TEST_F(JournalTest, AddedRowIsDataLoss) {
  ExpectLoss("INSERT INTO event SELECT 6, text, digest FROM event WHERE row = 5",
             "row 6 was changed", 5);
}
TEST_F(JournalTest, OtherHeadIsDataLoss) {
  ExpectLoss("UPDATE head SET digest = zeroblob(32)", "head", 5);
}

TEST_F(JournalTest, RefusesOtherSchemaVersions) {
  Open();
  Tamper("PRAGMA user_version = 2");
  EXPECT_EQ(SqliteJournal::Open(path_).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST_F(JournalTest, RefusesFilesThatAreNoJournal) {
  Tamper("CREATE TABLE other (x)");
  EXPECT_EQ(SqliteJournal::Open(path_).status().code(), absl::StatusCode::kDataLoss);
  fs::remove(path_);
  std::ofstream(path_) << std::string(8192, 'x');
  EXPECT_EQ(SqliteJournal::Open(path_).status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JournalTest, DamagedPagesAreDataLoss) {
  ASSERT_TRUE(Open()->Append(Events(0, 2000)).ok());
  {
    std::fstream file(path_, std::ios::in | std::ios::out | std::ios::binary);
    for (int page = 1; page < 20; ++page) {
      file.seekp(page * 4096);
      file << std::string(200, '\xEE');
    }
  }
  const auto journal = SqliteJournal::Open(path_);
  EXPECT_EQ(journal.status().code(), absl::StatusCode::kDataLoss);
}

TEST_F(JournalTest, RefusesAnUnreachablePath) {
  EXPECT_EQ(SqliteJournal::Open(folder_ / "absent" / "journal.db").status().code(),
            absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tessera::coordinator
