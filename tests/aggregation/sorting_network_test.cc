#include "aggregation/sorting_network.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <random>

namespace tessera::aggregation {
namespace {

std::vector<int> Sorted(const std::vector<Comparator>& network, std::vector<int> wires) {
  for (const Comparator& c : network) {
    if (wires[c.high] < wires[c.low]) std::swap(wires[c.low], wires[c.high]);
  }
  return wires;
}

// The zero-one principle: a network that sorts every sequence of zeros and ones sorts everything.
TEST(SortingNetworkTest, SortsEverySequenceOfZerosAndOnes) {
  for (size_t n = 1; n <= 13; ++n) {
    const std::vector<Comparator> network = SelectionNetwork(n, 0);
    for (uint32_t pattern = 0; pattern < (1U << n); ++pattern) {
      std::vector<int> wires;
      for (size_t i = 0; i < n; ++i) wires.push_back(static_cast<int>(pattern >> i & 1));
      const std::vector<int> sorted = Sorted(network, wires);
      ASSERT_TRUE(std::is_sorted(sorted.begin(), sorted.end())) << n << " wires, " << pattern;
    }
  }
}

TEST(SortingNetworkTest, SelectsTheMiddleRanksForEveryTrim) {
  std::mt19937 random(7);
  for (const size_t n : {2U, 3U, 9U, 10U, 31U, 33U, 64U, 65U, 100U, 129U, 257U}) {
    for (const size_t trim : {size_t{0}, size_t{1}, n / 5, (n - 1) / 2}) {
      if (2 * trim >= n) continue;
      const std::vector<Comparator> network = SelectionNetwork(n, trim);
      for (int repeat = 0; repeat < 50; ++repeat) {
        std::vector<int> wires;
        for (size_t i = 0; i < n; ++i) wires.push_back(static_cast<int>(random() % 50));
        std::vector<int> expected = wires;
        std::sort(expected.begin(), expected.end());
        const std::vector<int> got = Sorted(network, wires);
        for (size_t i = trim; i < n - trim; ++i) ASSERT_EQ(got[i], expected[i]) << n << " " << trim;
      }
    }
  }
}

TEST(SortingNetworkTest, ComparatorsStayInsideTheWires) {
  for (size_t n = 1; n <= 130; ++n) {
    for (const Comparator& c : SelectionNetwork(n, 0)) {
      ASSERT_LT(c.low, c.high);
      ASSERT_LT(c.high, n);
    }
  }
}

TEST(SortingNetworkTest, TrimmingDropsComparators) {
  EXPECT_LT(SelectionNetwork(100, 20).size(), SelectionNetwork(100, 0).size());
  EXPECT_TRUE(SelectionNetwork(1, 0).empty());
}

}  // namespace
}  // namespace tessera::aggregation
