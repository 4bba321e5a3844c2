#include "protocol/payout.h"

#include <gtest/gtest.h>

#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

constexpr Wei kUpdateReward(1000);
constexpr Wei kAuditReward(30);

Contribution Part(uint64_t worker, uint32_t updates, uint32_t verdicts) {
  return {Numbered<WorkerId>(worker), Numbered<Address>(100 + worker), updates, verdicts};
}

TEST(RoundPay, PaysUpdatesAndVerdicts) {
  const std::vector<Contribution> parts = {Part(1, 1, 0), Part(2, 1, 3), Part(3, 0, 2),
                                           Part(4, 0, 0)};
  const RoundPay pay = ComputeRoundPay(parts, kUpdateReward, kAuditReward);
  const std::map<WorkerId, Wei> expected = {{Numbered<WorkerId>(1), Wei(1000)},
                                            {Numbered<WorkerId>(2), Wei(1090)},
                                            {Numbered<WorkerId>(3), Wei(60)}};
  EXPECT_EQ(pay.by_worker, expected);
  EXPECT_EQ(pay.total, Wei(2150));
}

TEST(RoundPay, IsNothingForNobodyOrForNoReward) {
  EXPECT_TRUE(ComputeRoundPay({}, kUpdateReward, kAuditReward).by_worker.empty());
  const std::vector<Contribution> parts = {Part(1, 1, 5)};
  const RoundPay unpaid = ComputeRoundPay(parts, Wei(), Wei());
  EXPECT_TRUE(unpaid.by_worker.empty());
  EXPECT_EQ(unpaid.total, Wei());
}

TEST(RoundPay, TotalIsTheSumOfTheParts) {
  const uint64_t seed = 20240505;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  std::vector<Contribution> parts;
  for (uint64_t i = 0; i < 300; ++i) {
    // Some workers come twice.
    parts.push_back(Part(i % 250, random() % 2, static_cast<uint32_t>(random() % 16)));
  }
  const RoundPay pay = ComputeRoundPay(parts, Wei(random()), Wei(random()));
  Wei sum;
  for (const auto& [worker, amount] : pay.by_worker) {
    EXPECT_GT(amount, Wei());
    sum += amount;
  }
  EXPECT_EQ(sum, pay.total);
}

}  // namespace
}  // namespace tessera
