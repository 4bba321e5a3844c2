#include "chain/fee_policy.h"

#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

constexpr absl::uint128 kGwei = kWeiPerGwei;

TEST(FeePolicyTest, OffersTwiceTheBaseFeeAndTheTip) {
  const FeePolicy policy{.tip_wei = kGwei, .max_fee_ceiling_wei = 100 * kGwei};
  EXPECT_EQ(*InitialFees(policy, 20 * kGwei),
            (GasFees{.max_fee_wei = 41 * kGwei, .tip_wei = kGwei}));
}

TEST(FeePolicyTest, LowersTheOfferToTheCeilingUntilItCannotBeMined) {
  const FeePolicy policy{.tip_wei = kGwei, .max_fee_ceiling_wei = 100 * kGwei};
  EXPECT_EQ(InitialFees(policy, 99 * kGwei)->max_fee_wei, 100 * kGwei);
  EXPECT_EQ(InitialFees(policy, 99 * kGwei + 1).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(FeePolicyTest, AHostileBaseFeeDoesNotOverflow) {
  EXPECT_EQ(InitialFees({}, absl::Uint128Max()).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(FeePolicyTest, ReplacementsRaiseBothFeesByAnEighthAtLeast) {
  const FeePolicy policy{.tip_wei = 0, .max_fee_ceiling_wei = 1000 * kGwei};
  for (absl::uint128 fee : {absl::uint128{0}, absl::uint128{1}, absl::uint128{7}, 8 * kGwei}) {
    const GasFees old{.max_fee_wei = fee, .tip_wei = fee};
    const absl::StatusOr<GasFees> bumped = BumpedFees(policy, old, /*base_fee_wei=*/0);
    ASSERT_TRUE(bumped.ok()) << bumped.status();
    EXPECT_GE(8 * bumped->max_fee_wei, 9 * fee);
    EXPECT_GT(bumped->max_fee_wei, fee);
    EXPECT_GE(8 * bumped->tip_wei, 9 * fee);
    EXPECT_LE(bumped->tip_wei, bumped->max_fee_wei);
  }
}

TEST(FeePolicyTest, ReplacementsFollowARisenBaseFee) {
  const FeePolicy policy{.tip_wei = kGwei, .max_fee_ceiling_wei = 1000 * kGwei};
  const GasFees old{.max_fee_wei = 3 * kGwei, .tip_wei = kGwei};
  EXPECT_EQ(BumpedFees(policy, old, 100 * kGwei)->max_fee_wei, 201 * kGwei);
}

TEST(FeePolicyTest, ReplacementsStopAtTheCeiling) {
  const GasFees old{.max_fee_wei = 80, .tip_wei = 8};
  EXPECT_TRUE(BumpedFees({.tip_wei = 0, .max_fee_ceiling_wei = 91}, old, 0).ok());
  EXPECT_EQ(BumpedFees({.tip_wei = 0, .max_fee_ceiling_wei = 90}, old, 0).status().code(),
            absl::StatusCode::kResourceExhausted);
}

TEST(FeePolicyTest, GasLimitHasAMarginAndACap) {
  EXPECT_EQ(*GasLimitFor(100'000), 125'000u);
  EXPECT_EQ(*GasLimitFor(kTxGasMax), kTxGasMax);
  EXPECT_EQ(GasLimitFor(kTxGasMax + 1).status().code(), absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(GasLimitFor(~uint64_t{0}).status().code(), absl::StatusCode::kResourceExhausted);
}

}  // namespace
}  // namespace tessera::chain
