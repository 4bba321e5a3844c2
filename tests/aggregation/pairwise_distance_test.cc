#include "aggregation/pairwise_distance.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

// The bound of the header: (1024 / 16 + 4) roundings of 2^-24 each, all with one sign at worst.
constexpr double kRelativeError = 68 * 0x1p-24;

RowSet SetOf(const Rows& rows) { return {View(rows), {}, std::vector<uint8_t>(rows.size(), 0)}; }

TEST(PairwiseDistanceTest, StaysWithinTheErrorBoundAtOddSizes) {
  for (size_t n = 1; n <= 33; ++n) {
    for (const size_t d : {1U, 17U, 1000U, 1025U, 5003U}) {
      const Rows rows = RandomRows(n, d, static_cast<uint32_t>(n * d));
      const PairwiseDistances distances = SquaredDistances(SetOf(rows), {});
      for (size_t i = 0; i < n; ++i) {
        ASSERT_EQ(distances.at(i, i), 0);
        for (size_t j = 0; j < n; ++j) {
          const double exact = SquaredDistance(rows[i], rows[j]);
          ASSERT_NEAR(distances.at(i, j), exact, kRelativeError * exact) << n << " x " << d;
        }
      }
    }
  }
}

// An uncentred Gram matrix loses such distances to cancellation altogether.
TEST(PairwiseDistanceTest, ALargeCommonPartCostsNoDigits) {
  Rows rows = RandomRows(6, 4000, 3);
  for (auto& row : rows) {
    for (float& x : row) x = 1024.0F + x * 1e-3F;
  }
  const PairwiseDistances distances = SquaredDistances(SetOf(rows), {});
  for (size_t i = 0; i < 6; ++i) {
    for (size_t j = i + 1; j < 6; ++j) {
      const double exact = SquaredDistance(rows[i], rows[j]);
      EXPECT_GT(exact, 0);
      EXPECT_NEAR(distances.at(i, j), exact, kRelativeError * exact);
    }
  }
}

TEST(PairwiseDistanceTest, SameBitsOnEveryThreadCountAndIsa) {
  for (const size_t n : {2U, 7U, 19U}) {
    const Rows rows = RandomRows(n, 20011, 9);
    const PairwiseDistances expected = SquaredDistances(SetOf(rows), {});
    for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
      for (const int threads : {1, 2, 3, 7}) {
        const auto got = SquaredDistances(SetOf(rows), {.threads = threads, .isa_max = isa});
        ASSERT_EQ(got.squared, expected.squared) << IsaName(isa) << ", " << threads << " threads";
      }
    }
  }
}

TEST(PairwiseDistanceTest, NamesEveryNonFiniteRow) {
  Rows rows = RandomRows(5, 3000, 4);
  rows[1][2999] = std::numeric_limits<float>::quiet_NaN();
  rows[4][0] = -std::numeric_limits<float>::infinity();
  rows[3][7] = 1e30F;
  const PairwiseDistances distances = SquaredDistances(SetOf(rows), {.threads = 2});
  EXPECT_EQ(distances.non_finite, (std::vector<uint8_t>{0, 1, 0, 0, 1}));
}

TEST(PairwiseDistanceTest, FarRowsAreInfinitelyFarAndDisturbNoOtherPair) {
  Rows rows = RandomRows(4, 100, 4);
  rows[2].assign(100, 1e30F);
  const PairwiseDistances distances = SquaredDistances(SetOf(rows), {});
  EXPECT_EQ(distances.at(0, 2), std::numeric_limits<double>::infinity());
  EXPECT_LT(distances.at(0, 1), 1e3);
}

}  // namespace
}  // namespace tessera::aggregation
