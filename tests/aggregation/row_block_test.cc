#include "aggregation/row_block.h"

#include <gtest/gtest.h>

#include "tests/aggregation/samples.h"

namespace tessera::aggregation {
namespace {

TEST(RowBlockTest, SetLeavesOutExcludedRowsAndRemembersIndices) {
  const Rows rows = RandomRows(4, 20, 1);
  const std::vector<float> scale = {1, 0.5F, 0.25F, 1};
  const RowSet set(View(rows), scale, {0, 1, 0, 0});
  EXPECT_EQ(set.size(), 3U);
  EXPECT_EQ(set.columns, 20U);
  EXPECT_EQ(set.index, (std::vector<size_t>{0, 2, 3}));
  EXPECT_EQ(set.scale, (std::vector<float>{1, 0.25F, 1}));
  EXPECT_EQ(set.data[1], rows[2].data());
}

TEST(RowBlockTest, ReadsUnscaledFullLanesInPlace) {
  const Rows rows = RandomRows(3, 64, 2);
  const RowSet set(View(rows), {}, {0, 0, 0});
  RowBlock block(set);
  block.Load({16, 48});
  EXPECT_EQ(block.columns(), 32U);
  for (size_t i = 0; i < 3; ++i) EXPECT_EQ(block.rows()[i], rows[i].data() + 16);
}

TEST(RowBlockTest, CopiesScaledRowsAlone) {
  const Rows rows = RandomRows(2, 32, 3);
  const std::vector<float> scale = {1, 0.3F};
  const RowSet set(View(rows), scale, {0, 0});
  RowBlock block(set);
  block.Load({0, 32});
  EXPECT_EQ(block.rows()[0], rows[0].data());
  for (size_t c = 0; c < 32; ++c) EXPECT_EQ(block.rows()[1][c], 0.3F * rows[1][c]);
}

TEST(RowBlockTest, PadsAnOddWidthWithZeros) {
  const Rows rows = RandomRows(2, 21, 4);
  const RowSet set(View(rows), {}, {0, 0});
  RowBlock block(set);
  block.Load({0, 21});
  ASSERT_EQ(block.columns(), 32U);
  for (size_t i = 0; i < 2; ++i) {
    for (size_t c = 0; c < 32; ++c) {
      EXPECT_EQ(block.rows()[i][c], c < 21 ? rows[i][c] : 0.0F);
    }
  }
}

}  // namespace
}  // namespace tessera::aggregation
