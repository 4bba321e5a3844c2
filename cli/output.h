// How `tessera` answers: text for people, JSON for programs, and exit codes that do not change.
// docs/cli.md.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>

#include "absl/status/status.h"

namespace tessera::cli {

using Json = nlohmann::ordered_json;

enum class OutputFormat { kText, kJson };

// Stable: scripts depend on the numbers.
enum class ExitCode {
  kOk = 0,
  kInternal = 1,
  kUsage = 2,
  kNotFound = 3,
  kRefused = 4,       // The state of the job, the chain or the account forbids it.
  kUnavailable = 5,   // Coordinator or chain cannot be reached.
  kPermission = 6,    // A signature, a key or a passphrase.
  kVerification = 9,  // Bytes or numbers that do not match what was promised.
};

ExitCode ExitCodeOf(const absl::Status& status);
// "not-found": the word for a code in JSON errors.
std::string_view ExitCodeName(ExitCode code);

// Where answers go. Not thread-safe.
class Output {
 public:
  explicit Output(OutputFormat format) : format_(format) {}

  bool is_json() const { return format_ == OutputFormat::kJson; }
  // The answer of a command on standard output: `object` on one line, or `text`.
  void Answer(const Json& object, std::string_view text) const;
  // What is under way, on standard error; nothing when the answer is JSON.
  void Progress(std::string_view text) const;
  // "tessera: what (fix)" or {"error":{...}}, on standard error.
  void Error(const absl::Status& status) const;

 private:
  OutputFormat format_;
};

}  // namespace tessera::cli
