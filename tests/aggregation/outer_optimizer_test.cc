#include "aggregation/outer_optimizer.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();

NesterovOuterOptimizer Make(size_t dimension, float learning_rate, float momentum) {
  return NesterovOuterOptimizer::Create(dimension, {learning_rate, momentum}).value();
}

TEST(NesterovOuterOptimizerTest, FollowsTheRecurrenceByHand) {
  NesterovOuterOptimizer optimizer = Make(1, 0.5F, 0.5F);
  std::vector<float> params = {10};
  const std::vector<float> g = {4};
  ASSERT_TRUE(optimizer.Step(g, params).ok());  // v = 4, step 4 + 2 = 6.
  EXPECT_EQ(params[0], 13);
  EXPECT_EQ(optimizer.velocity()[0], 4);
  ASSERT_TRUE(optimizer.Step(g, params).ok());  // v = 6, step 4 + 3 = 7.
  EXPECT_EQ(params[0], 16.5F);
  EXPECT_EQ(optimizer.velocity()[0], 6);
}

TEST(NesterovOuterOptimizerTest, RoundsEveryOperationOnceInTheStatedOrder) {
  const Rows gradients = RandomRows(20, 333, 4);
  NesterovOuterOptimizer optimizer = Make(333, 0.7F, 0.9F);
  std::vector<float> params = RandomRows(1, 333, 5)[0];
  std::vector<float> expected = params;
  std::vector<float> velocity(333);
  for (const auto& g : gradients) {
    ASSERT_TRUE(optimizer.Step(g, params).ok());
    for (size_t i = 0; i < g.size(); ++i) {
      // Each product and sum through memory, so that nothing can be contracted.
      volatile float carried = 0.9F * velocity[i];
      velocity[i] = carried + g[i];
      volatile float ahead = 0.9F * velocity[i];
      volatile float step = g[i] + ahead;
      volatile float scaled = 0.7F * step;
      expected[i] = expected[i] + scaled;
    }
  }
  EXPECT_EQ(Bits(params), Bits(expected));
  EXPECT_EQ(Bits(optimizer.velocity()), Bits(velocity));
}

TEST(NesterovOuterOptimizerTest, WithoutMomentumAndWithUnitRateAddsTheAggregate) {
  NesterovOuterOptimizer optimizer = Make(2, 1.0F, 0.0F);
  std::vector<float> params = {1, 2};
  ASSERT_TRUE(optimizer.Step(std::vector<float>{0.5F, -3}, params).ok());
  EXPECT_EQ(params, (std::vector<float>{1.5F, -1}));
}

TEST(NesterovOuterOptimizerTest, ARestoredVelocityContinuesTheSameBits) {
  const Rows g = RandomRows(4, 50, 4);
  NesterovOuterOptimizer whole = Make(50, 0.7F, 0.9F);
  std::vector<float> params(50, 1.0F);
  for (size_t i = 0; i < 2; ++i) ASSERT_TRUE(whole.Step(g[i], params).ok());
  NesterovOuterOptimizer resumed = Make(50, 0.7F, 0.9F);
  ASSERT_TRUE(resumed.RestoreVelocity({whole.velocity().begin(), whole.velocity().end()}).ok());
  std::vector<float> resumed_params = params;
  for (size_t i = 2; i < 4; ++i) {
    ASSERT_TRUE(whole.Step(g[i], params).ok());
    ASSERT_TRUE(resumed.Step(g[i], resumed_params).ok());
  }
  EXPECT_EQ(Bits(resumed_params), Bits(params));
}

TEST(NesterovOuterOptimizerTest, RejectsBadSettings) {
  EXPECT_EQ(NesterovOuterOptimizer::Create(0, {}).status().code(), kInvalid);
  for (const float rate : {0.0F, -1.0F, kNaN, kInfinity}) {
    EXPECT_EQ(NesterovOuterOptimizer::Create(1, {rate, 0.9F}).status().code(), kInvalid) << rate;
  }
  for (const float momentum : {-0.1F, 1.0F, kNaN, kInfinity}) {
    EXPECT_EQ(NesterovOuterOptimizer::Create(1, {0.7F, momentum}).status().code(), kInvalid)
        << momentum;
  }
}

TEST(NesterovOuterOptimizerTest, RefusedInputChangesNothing) {
  NesterovOuterOptimizer optimizer = Make(3, 0.7F, 0.9F);
  const std::vector<float> good = {1, 2, 3};
  std::vector<float> params = {1, 1, 1};
  ASSERT_TRUE(optimizer.Step(good, params).ok());
  const std::vector<float> params_before = params;
  const std::vector<float> velocity_before(optimizer.velocity().begin(),
                                           optimizer.velocity().end());

  std::vector<float> two(2);
  EXPECT_EQ(optimizer.Step(two, params).code(), kInvalid);
  EXPECT_EQ(optimizer.Step(good, two).code(), kInvalid);
  EXPECT_EQ(optimizer.Step(std::vector<float>{1, 2, kNaN}, params).code(), kInvalid);
  EXPECT_EQ(optimizer.Step(std::vector<float>{1, 2, -kInfinity}, params).code(), kInvalid);
  EXPECT_EQ(optimizer.RestoreVelocity({1, 2}).code(), kInvalid);
  EXPECT_EQ(optimizer.RestoreVelocity({1, 2, kNaN}).code(), kInvalid);
  const std::vector<float> huge = {1, 2, std::numeric_limits<float>::max()};
  EXPECT_EQ(optimizer.Step(huge, params).code(), absl::StatusCode::kOutOfRange);

  EXPECT_EQ(Bits(params), Bits(params_before));
  EXPECT_EQ(Bits(optimizer.velocity()), Bits(velocity_before));
}

}  // namespace
}  // namespace tessera::aggregation
