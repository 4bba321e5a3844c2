#include "coordinator/store/journal.h"

#include <sqlite3.h>

#include <string>
#include <utility>
#include <vector>

#include "base/hash.h"
#include "base/status_macros.h"
#include "coordinator/store/event_codec.h"

namespace tessera::coordinator {
namespace {

constexpr int kApplicationId = 0x54535241;  // "TSRA": this file is a journal of ours.

absl::Status SqliteError(sqlite3* database, std::string_view action) {
  const int code = sqlite3_errcode(database) & 0xff;
  const std::string message =
      "journal: cannot " + std::string(action) + ": " + sqlite3_errmsg(database);
  switch (code) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return absl::UnavailableError(message + " (another process has it open)");
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
      return absl::DataLossError(message);
    case SQLITE_FULL:
      return absl::ResourceExhaustedError(message);
    case SQLITE_CANTOPEN:
      return absl::NotFoundError(message);
    case SQLITE_READONLY:
    case SQLITE_PERM:
      return absl::PermissionDeniedError(message);
    default:
      return absl::InternalError(message);
  }
}

absl::Status Execute(sqlite3* database, const std::string& sql) {
  if (sqlite3_exec(database, sql.c_str(), nullptr, nullptr, nullptr) == SQLITE_OK) {
    return absl::OkStatus();
  }
  return SqliteError(database, "run '" + sql + "'");
}

// A prepared statement: bind, then step through its rows.
class Statement {
 public:
  static absl::StatusOr<Statement> Prepare(sqlite3* database, const char* sql) {
    sqlite3_stmt* statement = nullptr;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, nullptr) != SQLITE_OK) {
      return SqliteError(database, "prepare '" + std::string(sql) + "'");
    }
    return Statement(database, statement);
  }

  // The bound bytes must live until the next Reset.
  void Bind(int index, uint64_t value) {
    sqlite3_bind_int64(statement_.get(), index, static_cast<sqlite3_int64>(value));
  }
  void BindText(int index, std::string_view text) {
    sqlite3_bind_text64(statement_.get(), index, text.data(), text.size(), SQLITE_STATIC,
                        SQLITE_UTF8);
  }
  void Bind(int index, const Digest& digest) {
    sqlite3_bind_blob64(statement_.get(), index, digest.data(), digest.size(), SQLITE_STATIC);
  }

  // True: there is a row. False: the end.
  absl::StatusOr<bool> Step() {
    const int code = sqlite3_step(statement_.get());
    if (code == SQLITE_ROW) return true;
    if (code == SQLITE_DONE) return false;
    return SqliteError(database_, "step");
  }
  void Reset() { sqlite3_reset(statement_.get()); }

  int64_t Integer(int column) const { return sqlite3_column_int64(statement_.get(), column); }
  // Valid until the next Step.
  std::string_view Text(int column) const {
    const void* bytes = sqlite3_column_blob(statement_.get(), column);
    const int count = sqlite3_column_bytes(statement_.get(), column);
    return {static_cast<const char*>(bytes), static_cast<size_t>(count)};
  }

 private:
  struct Finalizer {
    void operator()(sqlite3_stmt* statement) const { sqlite3_finalize(statement); }
  };
  Statement(sqlite3* database, sqlite3_stmt* statement)
      : database_(database), statement_(statement) {}
  sqlite3* database_;
  std::unique_ptr<sqlite3_stmt, Finalizer> statement_;
};

absl::StatusOr<int64_t> Pragma(sqlite3* database, const char* sql) {
  ASSIGN_OR_RETURN(Statement statement, Statement::Prepare(database, sql));
  ASSIGN_OR_RETURN(const bool row, statement.Step());
  return row ? statement.Integer(0) : 0;
}

Digest NextHead(const Digest& head, std::string_view text) {
  return Sha256Hasher().Update(head.view()).Update(AsBytes(text)).Finish();
}

absl::Status RowLoss(uint64_t row, std::string_view what) {
  return absl::DataLossError("journal row " + std::to_string(row) + " " + std::string(what) +
                             "; restore the journal from a backup");
}

}  // namespace

void SqliteJournal::Closer::operator()(sqlite3* database) const { sqlite3_close(database); }

SqliteJournal::SqliteJournal(std::unique_ptr<sqlite3, Closer> database)
    : database_(std::move(database)) {}

SqliteJournal::~SqliteJournal() = default;

absl::StatusOr<std::unique_ptr<SqliteJournal>> SqliteJournal::Open(
    const std::filesystem::path& path) {
  sqlite3* opened = nullptr;
  const int code =
      sqlite3_open_v2(path.c_str(), &opened,
                      SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX, nullptr);
  std::unique_ptr<sqlite3, Closer> database(opened);
  if (code != SQLITE_OK) return SqliteError(opened, "open " + path.string());
  std::unique_ptr<SqliteJournal> journal(new SqliteJournal(std::move(database)));
  const absl::Status prepared = journal->Prepare();
  if (!prepared.ok()) return Annotate(prepared, path.string());
  return journal;
}

absl::Status SqliteJournal::Prepare() {
  sqlite3* database = database_.get();
  // The exclusive lock is taken by the first access and held until the file is closed.
  RETURN_IF_ERROR(Execute(database, "PRAGMA locking_mode = EXCLUSIVE"));
  RETURN_IF_ERROR(Execute(database, "PRAGMA journal_mode = WAL"));
  RETURN_IF_ERROR(Execute(database, "PRAGMA synchronous = FULL"));
  RETURN_IF_ERROR(Execute(database, "BEGIN EXCLUSIVE"));
  RETURN_IF_ERROR(Execute(database, "COMMIT"));

  ASSIGN_OR_RETURN(Statement check, Statement::Prepare(database, "PRAGMA quick_check(1)"));
  ASSIGN_OR_RETURN(const bool checked, check.Step());
  if (!checked || check.Text(0) != "ok") {
    return absl::DataLossError("journal: the integrity check failed: " +
                               std::string(checked ? check.Text(0) : ""));
  }
  check.Reset();
  ASSIGN_OR_RETURN(const int64_t tables, Pragma(database, "SELECT count(*) FROM sqlite_schema"));
  ASSIGN_OR_RETURN(const int64_t application, Pragma(database, "PRAGMA application_id"));
  ASSIGN_OR_RETURN(const int64_t version, Pragma(database, "PRAGMA user_version"));
  if (tables == 0 && application == 0) return CreateSchema();
  if (application != kApplicationId)
    return absl::DataLossError("journal: the file is something else");
  if (version != kJournalSchemaVersion) {
    return absl::FailedPreconditionError("journal: schema version " + std::to_string(version) +
                                         ", this program knows " +
                                         std::to_string(kJournalSchemaVersion));
  }
  return ReadHead();
}

absl::Status SqliteJournal::CreateSchema() {
  return Execute(
      database_.get(),
      "BEGIN;"
      "CREATE TABLE event (row INTEGER PRIMARY KEY, text TEXT NOT NULL,"
      " digest BLOB NOT NULL) STRICT;"
      "CREATE TABLE head (one INTEGER PRIMARY KEY CHECK (one = 1), rows INTEGER NOT NULL,"
      " digest BLOB NOT NULL) STRICT;"
      "INSERT INTO head VALUES (1, 0, zeroblob(32));"
      "PRAGMA application_id = " +
          std::to_string(kApplicationId) +
          ";"
          "PRAGMA user_version = " +
          std::to_string(kJournalSchemaVersion) +
          ";"
          "COMMIT");
}

absl::Status SqliteJournal::ReadHead() {
  ASSIGN_OR_RETURN(Statement head,
                   Statement::Prepare(database_.get(), "SELECT rows, digest FROM head"));
  ASSIGN_OR_RETURN(const bool row, head.Step());
  if (!row) return absl::DataLossError("journal: the head is missing");
  size_ = static_cast<uint64_t>(head.Integer(0));
  absl::StatusOr<Digest> digest = Digest::FromBytes(AsBytes(head.Text(1)));
  if (!digest.ok()) return absl::DataLossError("journal: the head is malformed");
  head_ = *digest;
  return absl::OkStatus();
}

absl::Status SqliteJournal::Append(std::span<const Event> events) {
  std::vector<std::string> texts;
  texts.reserve(events.size());
  for (const Event& event : events) {
    ASSIGN_OR_RETURN(std::string text, EncodeEvent(event));
    texts.push_back(std::move(text));
  }
  if (texts.empty()) return absl::OkStatus();
  RETURN_IF_ERROR(Execute(database_.get(), "BEGIN IMMEDIATE"));
  absl::Status appended = AppendRows(texts);
  if (!appended.ok()) {
    sqlite3_exec(database_.get(), "ROLLBACK", nullptr, nullptr, nullptr);
    return appended;
  }
  size_ += texts.size();
  for (const std::string& text : texts) head_ = NextHead(head_, text);
  return absl::OkStatus();
}

absl::Status SqliteJournal::AppendRows(std::span<const std::string> texts) {
  sqlite3* database = database_.get();
  ASSIGN_OR_RETURN(Statement insert,
                   Statement::Prepare(database, "INSERT INTO event VALUES (?1, ?2, ?3)"));
  uint64_t row = size_;
  Digest digest = head_;
  for (const std::string& text : texts) {
    digest = NextHead(digest, text);
    insert.Bind(1, ++row);
    insert.BindText(2, text);
    insert.Bind(3, digest);
    RETURN_IF_ERROR(insert.Step().status());
    insert.Reset();
  }
  ASSIGN_OR_RETURN(Statement head,
                   Statement::Prepare(database, "UPDATE head SET rows = ?1, digest = ?2"));
  head.Bind(1, row);
  head.Bind(2, digest);
  RETURN_IF_ERROR(head.Step().status());
  head.Reset();
  return Execute(database, "COMMIT");
}

absl::Status SqliteJournal::Replay(absl::FunctionRef<absl::Status(const Event&)> visit) const {
  ASSIGN_OR_RETURN(
      Statement rows,
      Statement::Prepare(database_.get(), "SELECT row, text, digest FROM event ORDER BY row"));
  uint64_t row = 0;
  Digest digest;
  while (true) {
    ASSIGN_OR_RETURN(const bool more, rows.Step());
    if (!more) break;
    ++row;
    if (rows.Integer(0) != static_cast<int64_t>(row)) return RowLoss(row, "is missing");
    const std::string_view text = rows.Text(1);
    digest = NextHead(digest, text);
    if (rows.Text(2) != AsText(digest.view())) return RowLoss(row, "was changed");
    absl::StatusOr<Event> event = DecodeEvent(text);
    if (!event.ok()) return RowLoss(row, "is malformed: " + std::string(event.status().message()));
    RETURN_IF_ERROR(visit(*event));
  }
  if (row < size_) return RowLoss(row + 1, "is missing");
  if (row != size_ || digest != head_) {
    return absl::DataLossError("journal: the rows and the head differ; restore it from a backup");
  }
  return absl::OkStatus();
}

}  // namespace tessera::coordinator
