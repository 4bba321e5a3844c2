#include "cli/quantity.h"

#include <gtest/gtest.h>

namespace tessera::cli {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;

TEST(ParseDurationMs, TakesEveryUnit) {
  EXPECT_EQ(*ParseDurationMs("1500ms"), 1'500u);
  EXPECT_EQ(*ParseDurationMs("30s"), 30'000u);
  EXPECT_EQ(*ParseDurationMs("5m"), 300'000u);
  EXPECT_EQ(*ParseDurationMs("2h"), 7'200'000u);
  EXPECT_EQ(*ParseDurationMs("14d"), 1'209'600'000u);
}

TEST(ParseDurationMs, RefusesOtherText) {
  for (const char* text :
       {"", "30", "s", "-1s", "1.5s", "30 s", "30sec", "18446744073709551615d"}) {
    EXPECT_EQ(ParseDurationMs(text).status().code(), kInvalid) << text;
  }
}

TEST(ParseProbabilityPpm, IsExact) {
  EXPECT_EQ(*ParseProbabilityPpm("0"), 0u);
  EXPECT_EQ(*ParseProbabilityPpm("1"), 1'000'000u);
  EXPECT_EQ(*ParseProbabilityPpm("0.25"), 250'000u);
  EXPECT_EQ(*ParseProbabilityPpm("25%"), 250'000u);
  EXPECT_EQ(*ParseProbabilityPpm("12.5%"), 125'000u);
  EXPECT_EQ(*ParseProbabilityPpm("0.0001%"), 1u);
  EXPECT_EQ(*ParseProbabilityPpm("0.2500000"), 250'000u);
  EXPECT_EQ(*ParseProbabilityPpm("100%"), 1'000'000u);
}

TEST(ParseProbabilityPpm, RefusesWhatIsTooLargeTooFineOrNoNumber) {
  for (const char* text : {"", "%", "1.1", "101%", "100.0001%", "0.0000001", "-0.5", "1e-3", ".5",
                           "0.", "nan", "18446744073709551615"}) {
    EXPECT_EQ(ParseProbabilityPpm(text).status().code(), kInvalid) << text;
  }
}

TEST(ParseRoundRange, TakesARangeOrOneRound) {
  EXPECT_EQ(ParseRoundRange("3..9")->first, 3u);
  EXPECT_EQ(ParseRoundRange("3..9")->last, 9u);
  EXPECT_EQ(ParseRoundRange("4")->last, 4u);
  for (const char* text : {"", "..", "9..3", "3..", "3-9", "a..b"}) {
    EXPECT_EQ(ParseRoundRange(text).status().code(), kInvalid) << text;
  }
}

TEST(FormatDuration, ShowsTwoUnitsAtMost) {
  EXPECT_EQ(FormatDuration(999), "0s");
  EXPECT_EQ(FormatDuration(12'000), "12s");
  EXPECT_EQ(FormatDuration(65'000), "1m 05s");
  EXPECT_EQ(FormatDuration(7'380'000), "2h 03m");
}

}  // namespace
}  // namespace tessera::cli
