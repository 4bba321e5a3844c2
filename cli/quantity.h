// Quantities as people write them in job files and on the command line, and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"

namespace tessera::cli {

// "1500ms", "30s", "5m", "2h" or "14d": a whole number and its unit, in milliseconds.
// InvalidArgument otherwise.
absl::StatusOr<uint64_t> ParseDurationMs(std::string_view text);

// "12.5%" or "0.125", exactly, in parts per million. InvalidArgument above 1 or finer than one part
// per million.
absl::StatusOr<uint32_t> ParseProbabilityPpm(std::string_view text);

// "3..9": both ends included; "4" alone is 4..4. InvalidArgument if the first is above the last.
struct RoundRange {
  uint64_t first = 0;
  uint64_t last = UINT64_MAX;
};
absl::StatusOr<RoundRange> ParseRoundRange(std::string_view text);

// A decimal number without sign, and nothing else.
absl::StatusOr<uint64_t> ParseUnsigned(std::string_view text);

// "1m 05s", "12s", "2h 03m".
std::string FormatDuration(int64_t duration_ms);

}  // namespace tessera::cli
