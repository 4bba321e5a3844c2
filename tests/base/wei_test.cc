#include "base/wei.h"

#include <gtest/gtest.h>

#include <random>

namespace tessera {
namespace {

using absl::StatusCode;

constexpr char kMaxText[] = "79228162514264337593543950335";       // 2^96 - 1
constexpr char kAboveMaxText[] = "79228162514264337593543950336";  // 2^96

Digest WordOf(std::string_view low_digits) {
  return Digest::FromHex(std::string(64 - low_digits.size(), '0') + std::string(low_digits))
      .value();
}

TEST(Wei, ParsesIntegersUpToTheMaximum) {
  EXPECT_EQ(Wei::ParseWei("0").value(), Wei());
  EXPECT_EQ(Wei::ParseWei("007").value(), Wei(7));
  EXPECT_EQ(Wei::ParseWei("18446744073709551615").value(), Wei(UINT64_MAX));
  EXPECT_EQ(Wei::ParseWei(kMaxText).value(), Wei::Max());
  EXPECT_EQ(Wei::Max().ToString(), kMaxText);
}

TEST(Wei, RefusesWhatIsNotAnInteger) {
  const std::string endless(1000, '9');
  for (std::string_view text :
       {"", "-1", "+1", "1.0", " 1", "1 ", "0x10", "1e18", "١", kAboveMaxText, endless.c_str()}) {
    EXPECT_EQ(Wei::ParseWei(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Wei, ParsesTokensWithUpTo18Decimals) {
  EXPECT_EQ(Wei::ParseTokens("1").value().ToString(), "1000000000000000000");
  EXPECT_EQ(Wei::ParseTokens("1.5").value().ToString(), "1500000000000000000");
  EXPECT_EQ(Wei::ParseTokens(".25").value().ToString(), "250000000000000000");
  EXPECT_EQ(Wei::ParseTokens("3.").value().ToString(), "3000000000000000000");
  EXPECT_EQ(Wei::ParseTokens("0.000000000000000001").value(), Wei(1));
  EXPECT_EQ(Wei::ParseTokens("79228162514.264337593543950335").value(), Wei::Max());
}

TEST(Wei, RefusesWhatIsNotTokens) {
  for (std::string_view text : {"", ".", "1.2.3", "-1", "1,5", "0.0000000000000000001",
                                "79228162514.264337593543950336", "79228162515"}) {
    EXPECT_EQ(Wei::ParseTokens(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Wei, WritesTokensWithoutTrailingZeros) {
  EXPECT_EQ(Wei().ToTokenString(), "0");
  EXPECT_EQ(Wei(1).ToTokenString(), "0.000000000000000001");
  EXPECT_EQ(Wei(1'500'000'000'000'000'000).ToTokenString(), "1.5");
  EXPECT_EQ(Wei(10'000'000'000'000'000'000u).ToTokenString(), "10");
  EXPECT_EQ(Wei::Max().ToTokenString(), "79228162514.264337593543950335");
}

TEST(Wei, WordsAreBigEndianAndBounded) {
  EXPECT_EQ(Wei().ToWord(), Digest());
  EXPECT_EQ(Wei(0x0102).ToWord(), WordOf("0102"));
  EXPECT_EQ(Wei::Max().ToWord(), WordOf("ffffffffffffffffffffffff"));
  EXPECT_EQ(Wei::FromWord(WordOf("ffffffffffffffffffffffff")).value(), Wei::Max());
  EXPECT_EQ(Wei::FromWord(WordOf("1000000000000000000000000")).status().code(),
            StatusCode::kOutOfRange);
  EXPECT_EQ(Wei::FromWord(WordOf(std::string(64, 'f'))).status().code(), StatusCode::kOutOfRange);
}

TEST(Wei, RoundTripsThroughTextAndWord) {
  const uint64_t seed = 20240502;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 500; ++i) {
    const Wei amount = Wei(random()) * (random() >> (32 + random() % 32));
    EXPECT_EQ(Wei::ParseWei(amount.ToString()).value(), amount);
    EXPECT_EQ(Wei::ParseTokens(amount.ToTokenString()).value(), amount);
    EXPECT_EQ(Wei::FromWord(amount.ToWord()).value(), amount);
  }
}

TEST(Wei, CalculatesUpToTheLimits) {
  EXPECT_EQ(Wei(2) + Wei(3), Wei(5));
  EXPECT_EQ(Wei(3) - Wei(3), Wei());
  EXPECT_EQ(Wei::Max() - Wei::Max(), Wei());
  EXPECT_EQ(Wei::Max() + Wei(), Wei::Max());
  EXPECT_EQ(Wei::Max() * 1, Wei::Max());
  EXPECT_EQ(Wei::Max() * 0, Wei());
  EXPECT_LE(Wei::Max().DividedBy(UINT64_MAX) * UINT64_MAX, Wei::Max());
  EXPECT_EQ(Wei(7).DividedBy(2), Wei(3));
  Wei sum(1);
  sum += Wei(4);
  sum -= Wei(2);
  EXPECT_EQ(sum, Wei(3));
  EXPECT_LT(Wei(2), Wei(3));
}

TEST(WeiDeathTest, EndsTheProcessOutsideTheRange) {
  EXPECT_DEATH(Wei::Max() + Wei(1), "left its range");
  EXPECT_DEATH(Wei(1) - Wei(2), "left its range");
  EXPECT_DEATH(Wei::Max() * 2, "left its range");
  EXPECT_DEATH(Wei::Max() * UINT64_MAX, "left its range");
}

}  // namespace
}  // namespace tessera
