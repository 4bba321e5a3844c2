#include "aggregation/update_matrix.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace tessera::aggregation {
namespace {

using ::testing::HasSubstr;

TEST(UpdateMatrixTest, ShowsTheRowsInOrder) {
  const std::vector<float> a = {1, 2, 3};
  const std::vector<float> b = {4, 5, 6};
  const UpdateMatrix updates = UpdateMatrix::Create({a, b}).value();
  EXPECT_EQ(updates.rows(), 2U);
  EXPECT_EQ(updates.columns(), 3U);
  EXPECT_EQ(updates.row(0).data(), a.data());
  EXPECT_EQ(updates.row(1).data(), b.data());
}

TEST(UpdateMatrixTest, RejectsNoRows) {
  EXPECT_EQ(UpdateMatrix::Create({}).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST(UpdateMatrixTest, RejectsDimensionZero) {
  const std::vector<float> empty;
  EXPECT_EQ(UpdateMatrix::Create({empty, empty}).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(UpdateMatrixTest, RejectsRowsOfDifferentLengthsAndNamesTheFirst) {
  const std::vector<float> a = {1, 2, 3};
  const std::vector<float> b = {4, 5};
  const auto updates = UpdateMatrix::Create({a, a, b});
  EXPECT_EQ(updates.status().code(), absl::StatusCode::kInvalidArgument);
  EXPECT_THAT(std::string(updates.status().message()), HasSubstr("update 2 has dimension 2"));
}

TEST(UpdateMatrixTest, AcceptsAtMostRowsMax) {
  const std::vector<float> a = {1};
  using Spans = std::vector<std::span<const float>>;
  EXPECT_TRUE(UpdateMatrix::Create(Spans(UpdateMatrix::kRowsMax, a)).ok());
  EXPECT_EQ(UpdateMatrix::Create(Spans(UpdateMatrix::kRowsMax + 1, a)).status().code(),
            absl::StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera::aggregation
