#include "aggregation/clip.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

constexpr double kInfinity = std::numeric_limits<double>::infinity();

TEST(ClipTest, ShortensOnlyRowsBeyondTwiceTheMedianNorm) {
  const Rows rows = {
      {3, 4}, {0, 5}, {0, 10}, {0, 10.0001F}, {0, 40}};  // Norms 5, 5, 10, 10.0001, 40.
  const ClipReport clip = ClipFactors(View(rows), {}).value();
  EXPECT_EQ(clip.median_norm, 10);
  EXPECT_EQ(clip.factor, (std::vector<float>{1, 1, 1, 1, 0.5F}));
  EXPECT_EQ(clip.norm[0], 5);
}

TEST(ClipTest, TheBoundaryItselfIsNotClipped) {
  const Rows rows = {{1}, {1}, {2}, {2.0000002F}, {-1}};
  EXPECT_EQ(ClipFactors(View(rows), {})->factor,
            (std::vector<float>{1, 1, 1, static_cast<float>(2.0 / double{2.0000002F}), 1}));
}

TEST(ClipTest, TakesTheLowerMiddleNormOfAnEvenNumber) {
  EXPECT_EQ(ClipFactors(View({{1}, {8}, {2}, {1e30F}}), {})->median_norm, 2);
  EXPECT_EQ(ClipFactors(View({{1e30F}, {3}}), {})->median_norm, 3);
}

TEST(ClipTest, AMedianOfZeroSilencesEveryLongerRow) {
  EXPECT_EQ(ClipFactors(View({{0}, {0}, {5}}), {})->factor, (std::vector<float>{1, 1, 0}));
}

TEST(ClipTest, HostileRowsChangeNoHonestFactorBeyondTheMedian) {
  const float bad[] = {std::numeric_limits<float>::quiet_NaN(),
                       std::numeric_limits<float>::infinity(),
                       -std::numeric_limits<float>::infinity()};
  for (const float value : bad) {
    const ClipReport clip = ClipFactors(View({{1}, {value}, {2}, {3}, {value}}), {}).value();
    EXPECT_EQ(clip.median_norm, 2);
    EXPECT_EQ(clip.factor, (std::vector<float>{1, 0, 1, 1, 0}));
    EXPECT_EQ(clip.norm, (std::vector<double>{1, kInfinity, 2, 3, kInfinity}));
  }
  const ClipReport far = ClipFactors(View({{1}, {1e30F}, {2}}), {}).value();
  EXPECT_EQ(far.factor, (std::vector<float>{1, static_cast<float>(4.0 / double{1e30F}), 1}));
}

TEST(ClipTest, TheLargestFloatsHaveAFiniteNorm) {
  const Rows rows(3, std::vector<float>(5000, std::numeric_limits<float>::max()));
  const ClipReport clip = ClipFactors(View(rows), {}).value();
  EXPECT_TRUE(std::isfinite(clip.median_norm));
  EXPECT_EQ(clip.factor, std::vector<float>(3, 1));
}

TEST(ClipTest, NormsMatchTheDefinitionAndDoNotDependOnThreadsOrIsa) {
  for (const size_t d : {1U, 17U, 1025U, 20003U}) {
    const Rows rows = RandomRows(5, d, 3);
    const ClipReport expected = ClipFactors(View(rows), {}).value();
    for (size_t i = 0; i < 5; ++i) {
      const double exact = std::sqrt(SquaredDistance(rows[i], std::vector<float>(d)));
      EXPECT_NEAR(expected.norm[i], exact, 1e-12 * exact);
    }
    for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
      for (const int threads : {1, 2, 3, 7}) {
        EXPECT_EQ(ClipFactors(View(rows), {.threads = threads, .isa_max = isa})->norm,
                  expected.norm);
      }
    }
  }
}

TEST(ClipTest, RejectsARoundWithoutAFiniteRowAndZeroThreads) {
  EXPECT_EQ(ClipFactors(View({{std::numeric_limits<float>::infinity()}}), {}).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(ClipFactors(View({{1}}), {.threads = 0}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera::aggregation
