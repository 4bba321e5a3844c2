#include "aggregation/rules.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <array>
#include <functional>
#include <limits>
#include <numeric>
#include <string>
#include <utility>

#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

using ::testing::HasSubstr;

constexpr float kNaN = std::numeric_limits<float>::quiet_NaN();
constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kMax = std::numeric_limits<float>::max();

// Every rule under one signature, f being ignored by the means.
using AnyRule = std::function<absl::StatusOr<AggregateReport>(
    const UpdateMatrix&, size_t, std::span<const float>, const AggregateOptions&,
    std::span<float>)>;
struct NamedRule {
  std::string name;
  AnyRule apply;
};

std::vector<NamedRule> AllRules() {
  return {
      {"Mean", [](const auto& u, size_t, auto scale, const auto& options,
                  auto out) { return Mean(u, scale, options, out); }},
      {"WeightedMean",
       [](const auto& u, size_t, auto scale, const auto& options, auto out) {
         std::vector<uint32_t> weights(u.rows());
         std::iota(weights.begin(), weights.end(), 1U);
         return WeightedMean(u, weights, scale, options, out);
       }},
      {"TrimmedMean", [](const auto& u, size_t f, auto scale, const auto& options,
                         auto out) { return TrimmedMean(u, f, scale, options, out); }},
      {"NearestNeighbourMixingTrimmedMean",
       [](const auto& u, size_t f, auto scale, const auto& options, auto out) {
         return NearestNeighbourMixingTrimmedMean(u, f, scale, options, out);
       }},
  };
}

class EveryRuleTest : public testing::TestWithParam<NamedRule> {
 protected:
  std::pair<AggregateReport, std::vector<float>> Run(const Rows& rows, size_t f,
                                                     std::span<const float> scale = {},
                                                     const AggregateOptions& options = {}) {
    std::vector<float> out(rows[0].size(), kNaN);
    auto report = GetParam().apply(View(rows), f, scale, options, out);
    EXPECT_TRUE(report.ok()) << report.status();
    return {report.value_or(AggregateReport{}), out};
  }
  absl::Status Fail(const Rows& rows, size_t f, std::span<const float> scale,
                    const AggregateOptions& options, size_t out_size) {
    std::vector<float> out(out_size);
    return GetParam().apply(View(rows), f, scale, options, out).status();
  }
};

TEST_P(EveryRuleTest, SameBitsOnEveryThreadCountAndIsa) {
  for (const auto& [n, f] :
       std::array<std::pair<size_t, size_t>, 4>{{{3, 1}, {10, 2}, {33, 7}, {40, 8}}}) {
    const Rows rows = RandomRows(n, 30011, static_cast<uint32_t>(n));
    std::vector<float> scale(n, 1.0F);
    scale[1] = 0.37F;
    const auto [report, out] = Run(rows, f, scale);
    for (const Isa isa : {Isa::kPortable, Isa::kAvx2, Isa::kAvx512}) {
      for (const int threads : {1, 2, 3, 7}) {
        const auto [other, bits] = Run(rows, f, scale, {.threads = threads, .isa_max = isa});
        ASSERT_EQ(Bits(bits), Bits(out)) << n << ", " << threads << ", " << IsaName(isa);
        ASSERT_EQ(other.score, report.score) << n << ", " << threads << ", " << IsaName(isa);
      }
    }
  }
}

TEST_P(EveryRuleTest, ArrivalOrderIsImmaterialOnceSortedByWorker) {
  const Rows rows = RandomRows(11, 501, 21);
  std::vector<std::pair<int, size_t>> arrival;  // (worker id, row).
  for (size_t i = 0; i < rows.size(); ++i) arrival.emplace_back(100 + static_cast<int>(i), i);
  const auto expected = Run(rows, 3).second;
  std::mt19937 random(3);
  for (int repeat = 0; repeat < 5; ++repeat) {
    std::shuffle(arrival.begin(), arrival.end(), random);
    auto sorted = arrival;
    std::sort(sorted.begin(), sorted.end());
    Rows copies;
    for (const auto& [id, row] : sorted) copies.push_back(rows[row]);
    EXPECT_EQ(Bits(Run(copies, 3).second), Bits(expected));
  }
}

TEST_P(EveryRuleTest, EqualRowsGiveThatRowExactly) {
  const Rows one = RandomRows(1, 777, 5);
  for (const size_t n : {1U, 2U, 3U, 7U, 10U, 33U}) {
    const auto [report, out] = Run(Rows(n, one[0]), (n - 1) / 2);
    for (size_t c = 0; c < out.size(); ++c) ASSERT_EQ(out[c], one[0][c]) << n;
    for (const double score : report.score) EXPECT_EQ(score, 0);
  }
}

TEST_P(EveryRuleTest, TheLargestFloatsDoNotOverflow) {
  const auto out = Run(Rows(9, std::vector<float>(70, kMax)), 2).second;
  for (const float x : out) EXPECT_EQ(x, kMax);
  const auto opposite = Run(
      {std::vector<float>(20, kMax), std::vector<float>(20, -kMax), std::vector<float>(20, kMax)},
      1);
  EXPECT_TRUE(AllFinite(opposite.second));
}

TEST_P(EveryRuleTest, FHostileRowsOfEveryKindLeaveTheResultFinite) {
  for (const auto& [n, f] :
       std::array<std::pair<size_t, size_t>, 4>{{{3, 1}, {10, 2}, {10, 4}, {35, 17}}}) {
    for (const float bad : {kNaN, kInfinity, -kInfinity, 1e30F, -1e30F, kMax, -kMax}) {
      SCOPED_TRACE(testing::Message() << "n " << n << ", f " << f << ", value " << bad);
      Rows rows = RandomRows(n, 1500, 8);
      for (size_t i = 0; i < f; ++i) rows[2 * i].assign(1500, bad);
      const auto [report, out] = Run(rows, f);
      EXPECT_TRUE(AllFinite(out));
      EXPECT_EQ(report.rows_used, std::isfinite(bad) ? n : n - f);
      for (size_t i = 0; i < n; ++i) {
        const bool excluded = !std::isfinite(bad) && i % 2 == 0 && i < 2 * f;
        EXPECT_EQ(report.excluded[i], excluded ? 1 : 0);
        EXPECT_EQ(std::isinf(report.score[i]), excluded);
      }
    }
  }
}

TEST_P(EveryRuleTest, OneBadValueExcludesItsRowAsIfNeverSent) {
  Rows rows = RandomRows(8, 2100, 9);
  Rows without = rows;
  without.pop_back();
  rows.back()[2099] = kNaN;
  EXPECT_EQ(Bits(Run(rows, 2, {}, {.threads = 3}).second), Bits(Run(without, 2).second));
}

TEST_P(EveryRuleTest, ScoreIsTheSquaredDistanceToTheResult) {
  const Rows rows = RandomRows(9, 1234, 10);
  std::vector<float> scale(9, 1.0F);
  scale[3] = 0.25F;
  const auto [report, out] = Run(rows, 2, scale);
  ASSERT_EQ(report.score.size(), 9U);
  for (size_t i = 0; i < 9; ++i) {
    std::vector<float> scaled = rows[i];
    for (float& x : scaled) x *= scale[i];
    const double exact = SquaredDistance(scaled, out);
    EXPECT_NEAR(report.score[i], exact, 1e-12 * exact);
  }
}

TEST_P(EveryRuleTest, ScoresCanBeLeftOutWithoutChangingTheResult) {
  const Rows rows = RandomRows(9, 1234, 10);
  const auto [report, out] = Run(rows, 2, {}, {.scores = Scores::kNone});
  EXPECT_TRUE(report.score.empty());
  EXPECT_EQ(Bits(out), Bits(Run(rows, 2).second));
}

TEST_P(EveryRuleTest, RejectsArgumentsThatDoNotFit) {
  constexpr auto kInvalid = absl::StatusCode::kInvalidArgument;
  const Rows rows = RandomRows(5, 40, 1);
  const std::vector<float> four(4, 1.0F);
  EXPECT_EQ(Fail(rows, 1, {}, {}, 39).code(), kInvalid);
  EXPECT_EQ(Fail(rows, 1, {}, {}, 41).code(), kInvalid);
  EXPECT_EQ(Fail(rows, 1, four, {}, 40).code(), kInvalid);
  for (const float factor : {-0.1F, 1.0001F, kNaN, kInfinity}) {
    const std::vector<float> scale = {1, 1, factor, 1, 1};
    EXPECT_THAT(std::string(Fail(rows, 1, scale, {}, 40).message()), HasSubstr("scale factor 2"));
  }
  EXPECT_EQ(Fail(rows, 1, {}, {.threads = 0}, 40).code(), kInvalid);
  EXPECT_EQ(Fail(rows, 1, {}, {.threads = kThreadsMax + 1}, 40).code(), kInvalid);
}

TEST_P(EveryRuleTest, RejectsARoundWithoutAFiniteRow) {
  const Rows rows(4, std::vector<float>(50, kNaN));
  const absl::Status status = Fail(rows, 1, {}, {}, 50);
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(status.message()), HasSubstr("none of the 4 updates is finite"));
}

INSTANTIATE_TEST_SUITE_P(AllRules, EveryRuleTest, testing::ValuesIn(AllRules()),
                         [](const auto& suite) { return suite.param.name; });

TEST(MeanTest, MatchesTheDefinitionAtOddSizes) {
  for (size_t n = 1; n <= 33; ++n) {
    for (const size_t d : {1U, 15U, 16U, 17U, 1000U, 3001U}) {
      const Rows rows = RandomRows(n, d, static_cast<uint32_t>(n * d));
      std::vector<float> out(d);
      ASSERT_TRUE(Mean(View(rows), {}, {}, out).ok());
      ASSERT_EQ(Bits(out), Bits(NaiveMean(rows))) << n << " x " << d;
    }
  }
}

TEST(WeightedMeanTest, EqualWeightsAreTheMeanAndZeroLeavesARowOut) {
  const Rows rows = RandomRows(6, 333, 2);
  const Rows first(rows.begin(), rows.begin() + 3);
  std::vector<float> out(333);
  const std::vector<uint32_t> ones(6, 1);
  ASSERT_TRUE(WeightedMean(View(rows), ones, {}, {}, out).ok());
  EXPECT_EQ(Bits(out), Bits(NaiveMean(rows)));
  const std::vector<uint32_t> half = {1, 1, 1, 0, 0, 0};
  ASSERT_TRUE(WeightedMean(View(rows), half, {}, {}, out).ok());
  EXPECT_EQ(Bits(out), Bits(NaiveMean(first)));
}

TEST(WeightedMeanTest, WeighsRowsByTheirWeight) {
  const Rows rows = {{1, 2}, {5, -2}};
  std::vector<float> out(2);
  const std::vector<uint32_t> weights = {3, 1};
  ASSERT_TRUE(WeightedMean(View(rows), weights, {}, {}, out).ok());
  EXPECT_EQ(out, (std::vector<float>{2, 1}));
}

TEST(WeightedMeanTest, RejectsWeightsThatDoNotFit) {
  const Rows rows = {{1, 2}, {5, kNaN}};
  std::vector<float> out(2);
  for (const std::vector<uint32_t>& weights :
       {std::vector<uint32_t>{1}, std::vector<uint32_t>{0, 0}, std::vector<uint32_t>{0, 1}}) {
    EXPECT_EQ(WeightedMean(View(rows), weights, {}, {}, out).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(TrimmedMeanTest, MatchesTheDefinitionAtOddSizes) {
  for (size_t n = 1; n <= 33; ++n) {
    for (const size_t d : {1U, 17U, 1000U, 2049U}) {
      const Rows rows = RandomRows(n, d, static_cast<uint32_t>(n * d));
      std::vector<float> scale(n, 1.0F);
      scale[n / 2] = 0.7F;
      for (const size_t trim : {size_t{0}, n / 5, (n - 1) / 2}) {
        std::vector<float> out(d);
        const auto report = TrimmedMean(View(rows), trim, scale, {}, out);
        ASSERT_TRUE(report.ok());
        ASSERT_EQ(report->byzantine_used, trim);
        ASSERT_EQ(Bits(out), Bits(NaiveTrimmedMean(rows, trim, scale))) << n << " x " << d;
      }
    }
  }
}

TEST(TrimmedMeanTest, LargeRowCountsMatchTheDefinition) {
  for (const size_t n : {64U, 65U, 100U, 257U, 1000U}) {
    const Rows rows = RandomRows(n, 37, 3);
    std::vector<float> out(37);
    ASSERT_TRUE(TrimmedMean(View(rows), n / 5, {}, {}, out).ok());
    ASSERT_EQ(Bits(out), Bits(NaiveTrimmedMean(rows, n / 5))) << n;
  }
}

TEST(TrimmedMeanTest, BitsDoNotDependOnTheOrderOfRows) {
  Rows rows = RandomRows(12, 300, 6);
  std::vector<float> expected(300);
  ASSERT_TRUE(TrimmedMean(View(rows), 3, {}, {}, expected).ok());
  std::mt19937 random(1);
  std::shuffle(rows.begin(), rows.end(), random);
  std::vector<float> out(300);
  ASSERT_TRUE(TrimmedMean(View(rows), 3, {}, {}, out).ok());
  EXPECT_EQ(Bits(out), Bits(expected));
}

TEST(TrimmedMeanTest, AcceptsTheLargestTrimAndRejectsTheNext) {
  for (size_t n = 1; n <= 34; ++n) {
    const Rows rows = RandomRows(n, 20, 6);
    std::vector<float> out(20);
    EXPECT_TRUE(TrimmedMean(View(rows), (n - 1) / 2, {}, {}, out).ok());
    EXPECT_EQ(TrimmedMean(View(rows), (n - 1) / 2 + 1, {}, {}, out).status().code(),
              absl::StatusCode::kInvalidArgument);
  }
}

TEST(TrimmedMeanTest, ExcludedRowsShrinkTheTrimOnlyAsFarAsNeeded) {
  Rows rows = RandomRows(5, 20, 6);
  rows[1][3] = kInfinity;
  std::vector<float> out(20);
  const auto report = TrimmedMean(View(rows), 2, {}, {}, out);
  ASSERT_TRUE(report.ok());
  EXPECT_EQ(report->byzantine_used, 1U);
  EXPECT_EQ(report->rows_used, 4U);
}

// The fp32 mean of the rows `near`, ascending, added by groups of four rows.
std::vector<float> NaiveGroupedMean(const Rows& rows, const std::vector<size_t>& near) {
  std::vector<float> result;
  for (size_t c = 0; c < rows[0].size(); ++c) {
    double sum = 0;
    for (size_t first = 0; first < rows.size(); first += 4) {
      double group = 0;
      for (const size_t j : near) {
        if (j / 4 == first / 4) group += double{rows[j][c]};
      }
      sum += group;
    }
    result.push_back(static_cast<float>(sum * (1.0 / static_cast<double>(near.size()))));
  }
  return result;
}

// The definition, with exact distances. Random rows are far enough from ties for the order to be
// the same.
std::vector<float> NaiveMixing(const Rows& rows, size_t f) {
  Rows mixed;
  for (const auto& row : rows) {
    std::vector<std::pair<double, size_t>> order;
    for (size_t j = 0; j < rows.size(); ++j) {
      order.emplace_back(&rows[j] == &row ? -1 : SquaredDistance(row, rows[j]), j);
    }
    std::sort(order.begin(), order.end());
    std::vector<size_t> near;
    for (size_t k = 0; k < rows.size() - f; ++k) near.push_back(order[k].second);
    std::sort(near.begin(), near.end());
    mixed.push_back(NaiveGroupedMean(rows, near));
  }
  return NaiveTrimmedMean(mixed, f);
}

TEST(NearestNeighbourMixingTest, MatchesTheDefinitionAtOddSizes) {
  for (size_t n = 1; n <= 33; ++n) {
    for (const size_t d : {17U, 1000U, 2049U}) {
      const uint32_t seed = static_cast<uint32_t>(n * d);
      SCOPED_TRACE(testing::Message() << n << " x " << d << ", seed " << seed);
      const Rows rows = RandomRows(n, d, seed);
      for (const size_t f : {n / 5, (n - 1) / 2}) {
        std::vector<float> out(d);
        ASSERT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), f, {}, {}, out).ok());
        ASSERT_EQ(Bits(out), Bits(NaiveMixing(rows, f)));
      }
    }
  }
}

TEST(NearestNeighbourMixingTest, EquallyNearRowsAreTakenInRowOrder) {
  // Seen from row 0, rows 1 and 2 are equally near; with f = 1 row 0 mixes with row 1.
  const Rows rows = {{0}, {1}, {-1}};
  std::vector<float> out(1);
  ASSERT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), 1, {}, {}, out).ok());
  // y = (0.5, 0.5, -0.5): the median is 0.5.
  EXPECT_EQ(out[0], 0.5F);
}

TEST(NearestNeighbourMixingTest, ARowIsItsOwnNearestEvenAmongEqualRows) {
  // All distances are 0: rows take themselves first, then the lowest indices.
  const Rows rows = {{2}, {2}, {2}, {2}};
  std::vector<float> out(1);
  ASSERT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), 1, {}, {}, out).ok());
  EXPECT_EQ(out[0], 2.0F);
}

TEST(NearestNeighbourMixingTest, HostileRowsDoNotMoveTheResultOutOfTheHonestRange) {
  Rows rows = RandomRows(10, 400, 12);
  const Rows honest(rows.begin() + 2, rows.end());
  rows[0].assign(400, 1e30F);
  rows[1].assign(400, -1e30F);
  std::vector<float> out(400);
  ASSERT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), 2, {}, {}, out).ok());
  for (size_t c = 0; c < 400; ++c) {
    const std::vector<float> values = SortedColumn(honest, {}, c);
    EXPECT_GE(out[c], values.front());
    EXPECT_LE(out[c], values.back());
  }
}

TEST(NearestNeighbourMixingTest, ToleratingNoneIsTheMean) {
  const Rows rows = RandomRows(7, 99, 12);
  std::vector<float> out(99);
  ASSERT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), 0, {}, {}, out).ok());
  EXPECT_EQ(Bits(out), Bits(NaiveMean(rows)));
}

TEST(NearestNeighbourMixingTest, AcceptsTheLargestFAndRejectsTheNext) {
  for (size_t n = 1; n <= 20; ++n) {
    const Rows rows = RandomRows(n, 20, 6);
    std::vector<float> out(20);
    EXPECT_TRUE(NearestNeighbourMixingTrimmedMean(View(rows), (n - 1) / 2, {}, {}, out).ok());
    EXPECT_EQ(
        NearestNeighbourMixingTrimmedMean(View(rows), (n - 1) / 2 + 1, {}, {}, out).status().code(),
        absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tessera::aggregation
