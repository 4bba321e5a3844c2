#include "aggregation/column_grid.h"

#include <gtest/gtest.h>

#include <atomic>
#include <cfenv>
#include <limits>
#include <vector>

#if defined(__SSE2__)
#include <xmmintrin.h>
#endif

namespace tessera::aggregation {
namespace {

TEST(ColumnGridTest, BlocksCoverEveryColumnOnceInOrder) {
  for (const size_t columns : {1U, 15U, 1023U, 1024U, 1025U, 5000U, 300000U}) {
    for (const size_t segments_max : {1U, 3U, 16U, 256U}) {
      const ColumnGrid grid(columns, segments_max);
      EXPECT_LE(grid.segments(), segments_max);
      size_t next = 0;
      for (size_t s = 0; s < grid.segments(); ++s) {
        EXPECT_EQ(grid.segment(s).begin, next);
        grid.ForEachBlock(s, [&](ColumnGrid::Range range) {
          ASSERT_EQ(range.begin, next);
          ASSERT_GT(range.end, range.begin);
          ASSERT_LE(range.size(), ColumnGrid::kBlockColumns);
          ASSERT_TRUE(range.size() == ColumnGrid::kBlockColumns || range.end == columns);
          next = range.end;
        });
        EXPECT_EQ(grid.segment(s).end, next);
      }
      EXPECT_EQ(next, columns);
    }
  }
}

TEST(ColumnGridTest, EverySegmentIsVisitedOnceByAThreadInRange) {
  for (const int threads : {1, 2, 3, 7, 100}) {
    std::vector<std::atomic<int>> visits(50);
    std::atomic<bool> in_range = true;
    ForEachSegment(visits.size(), threads, [&](size_t thread, size_t segment) {
      if (thread >= static_cast<size_t>(threads)) in_range = false;
      ++visits[segment];
    });
    EXPECT_TRUE(in_range);
    for (const auto& count : visits) EXPECT_EQ(count, 1);
  }
}

#if defined(__SSE2__)
TEST(ColumnGridTest, WorkKeepsSubnormalsAndTheCallersModeComesBack) {
  const unsigned before = _mm_getcsr();
  _mm_setcsr(before | 0x8040);  // Flush subnormals to zero, on input and on output.
  std::vector<float> halves(8, -1.0F);
  ForEachSegment(halves.size(), 3, [&](size_t, size_t segment) {
    volatile float smallest_normal = std::numeric_limits<float>::min();
    halves[segment] = smallest_normal / 2;
  });
  const unsigned after = _mm_getcsr();
  _mm_setcsr(before);
  EXPECT_EQ(after & 0x8040, 0x8040U);
  for (const float half : halves) EXPECT_EQ(half, std::numeric_limits<float>::min() / 2);
}
#endif

}  // namespace
}  // namespace tessera::aggregation
