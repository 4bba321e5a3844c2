// What happened, for the people who follow a job.
#pragma once

#include <string>

#include "protocol/ids.h"

namespace tessera::coordinator {

struct LogEntry {
  int64_t at_ms = 0;
  RoundId round = 0;
  WorkerId worker;   // Zero: the job itself.
  std::string kind;  // "round-opened", "rejected", "slashed", ...
  std::string message;

  friend bool operator==(const LogEntry&, const LogEntry&) = default;
};

}  // namespace tessera::coordinator
