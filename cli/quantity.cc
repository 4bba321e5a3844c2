#include "cli/quantity.h"

#include <array>
#include <charconv>
#include <cstdio>
#include <utility>

#include "base/status_macros.h"

namespace tessera::cli {
namespace {

constexpr uint32_t kOnePpm = 1'000'000;
constexpr std::pair<std::string_view, uint64_t> kUnits[] = {
    {"ms", 1}, {"s", 1'000}, {"m", 60'000}, {"h", 3'600'000}, {"d", 86'400'000}};

absl::Status Malformed(std::string_view text, std::string_view what) {
  return absl::InvalidArgumentError("'" + std::string(text) + "' is not " + std::string(what));
}

// The digits of a decimal fraction as a number of `decimals` places: ("5", 4) gives 5000.
absl::StatusOr<uint64_t> ParseFraction(std::string_view digits, size_t decimals) {
  std::string padded(digits);
  while (padded.size() > decimals && padded.back() == '0') padded.pop_back();
  if (padded.size() > decimals) return absl::InvalidArgumentError("too many decimals");
  padded.resize(decimals, '0');
  return padded.empty() ? 0 : ParseUnsigned(padded);
}

std::string TwoParts(int64_t large, char large_unit, int64_t small, char small_unit) {
  std::array<char, 48> text;
  std::snprintf(text.data(), text.size(), "%lld%c %02lld%c", static_cast<long long>(large),
                large_unit, static_cast<long long>(small), small_unit);
  return text.data();
}

}  // namespace

absl::StatusOr<uint64_t> ParseUnsigned(std::string_view text) {
  uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) {
    return Malformed(text, "a whole number");
  }
  return value;
}

absl::StatusOr<uint64_t> ParseDurationMs(std::string_view text) {
  const size_t unit_at = text.find_first_not_of("0123456789");
  const absl::StatusOr<uint64_t> count = ParseUnsigned(text.substr(0, unit_at));
  if (count.ok() && unit_at != std::string_view::npos) {
    for (const auto& [unit, unit_ms] : kUnits) {
      if (text.substr(unit_at) == unit && *count <= UINT64_MAX / unit_ms) return *count * unit_ms;
    }
  }
  return Malformed(text, "a duration like 1500ms, 30s, 5m, 2h or 14d");
}

absl::StatusOr<uint32_t> ParseProbabilityPpm(std::string_view text) {
  const bool percent = text.ends_with('%');
  const std::string_view number = percent ? text.substr(0, text.size() - 1) : text;
  const size_t point = number.find('.');
  const std::string_view decimals =
      point == std::string_view::npos ? std::string_view() : number.substr(point + 1);
  const absl::StatusOr<uint64_t> whole = ParseUnsigned(number.substr(0, point));
  const absl::StatusOr<uint64_t> fraction = ParseFraction(decimals, percent ? 4 : 6);
  const uint64_t unit_ppm = percent ? kOnePpm / 100 : kOnePpm;
  const bool malformed = !whole.ok() || !fraction.ok() || number.ends_with('.') || *whole > 100;
  if (malformed || *whole * unit_ppm + *fraction > kOnePpm) {
    return Malformed(text, "a probability like 25% or 0.25, at most 1 and in steps of 0.000001");
  }
  return static_cast<uint32_t>(*whole * unit_ppm + *fraction);
}

absl::StatusOr<RoundRange> ParseRoundRange(std::string_view text) {
  const size_t dots = text.find("..");
  const absl::StatusOr<uint64_t> first = ParseUnsigned(text.substr(0, dots));
  const absl::StatusOr<uint64_t> last =
      dots == std::string_view::npos ? first : ParseUnsigned(text.substr(dots + 2));
  if (!first.ok() || !last.ok() || *first > *last) {
    return Malformed(text, "a range of rounds like 3..9");
  }
  return RoundRange{*first, *last};
}

std::string FormatDuration(int64_t duration_ms) {
  const int64_t seconds = duration_ms / 1'000;
  if (seconds >= 3'600) return TwoParts(seconds / 3'600, 'h', seconds / 60 % 60, 'm');
  if (seconds >= 60) return TwoParts(seconds / 60, 'm', seconds % 60, 's');
  return std::to_string(seconds) + "s";
}

}  // namespace tessera::cli
