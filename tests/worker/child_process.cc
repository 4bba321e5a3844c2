#include "tests/worker/child_process.h"

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "absl/strings/str_cat.h"
#include "base/file.h"
#include "base/status_macros.h"
#include "tests/base/temporary_folder.h"

namespace tessera::worker {

absl::StatusOr<std::string> AskChild(const std::string& filter,
                                     std::span<const std::string> variables) {
  const TemporaryFolder folder;
  const std::filesystem::path answer = folder / "answer";
  const std::string program = std::filesystem::read_symlink("/proc/self/exe");
  std::string command = absl::StrCat("env ", kAnswerVariable, "=", answer.string());
  for (const std::string& variable : variables) absl::StrAppend(&command, " '", variable, "'");
  absl::StrAppend(&command, " '", program, "' --gtest_filter=", filter, " > /dev/null");
  const int exit_code = std::system(command.c_str());
  if (exit_code != 0) return absl::InternalError(absl::StrCat(command, ": ", exit_code));
  ASSIGN_OR_RETURN(const Bytes text, ReadFile(answer));
  return std::string(AsText(text));
}

bool IsChild() { return std::getenv(kAnswerVariable) != nullptr; }

void Answer(const std::string& text) { std::ofstream(std::getenv(kAnswerVariable)) << text; }

}  // namespace tessera::worker
