// From options as text to what commands take. For the files that register commands.
#pragma once

#include <CLI/CLI.hpp>
#include <optional>
#include <string>
#include <utility>

#include "base/status_macros.h"
#include "cli/register.h"

namespace tessera::cli {

// The options of `chain deploy` as they are written; absent ones keep their default.
struct DeployFlags {
  std::string artifacts = "contracts/out";
  std::string output_file;
  bool is_dev = false;
  std::string token;
  std::string dev_supply;
  std::string unbonding_delay;
  std::optional<uint64_t> seal_delay_blocks;
  std::string settle_within;
  std::string challenge_window;
  std::optional<uint32_t> committee_size;
  std::string challenge_bond;
  std::string decide_within;
  std::optional<uint32_t> fault_percent;
};

// Leave `value` alone if the option was not given.
inline absl::Status SetTokens(const std::string& text, Wei& value) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(value, Wei::ParseTokens(text));
  return absl::OkStatus();
}
inline absl::Status SetSeconds(const std::string& text, uint64_t& value_s) {
  if (text.empty()) return absl::OkStatus();
  ASSIGN_OR_RETURN(const uint64_t value_ms, ParseDurationMs(text));
  if (value_ms % 1'000 != 0)
    return absl::InvalidArgumentError("'" + text + "' is not whole seconds");
  value_s = value_ms / 1'000;
  return absl::OkStatus();
}

// Makes parsing `command` choose `run`, a function of the context that returns a Status.
template <class Run>
void OnParsed(CLI::App* command, Command& chosen, Run run) {
  command->callback([&chosen, run = std::move(run)] {
    chosen = [run](Context& context) -> absl::StatusOr<ExitCode> {
      RETURN_IF_ERROR(run(context));
      return ExitCode::kOk;
    };
  });
}

}  // namespace tessera::cli
