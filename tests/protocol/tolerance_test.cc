#include "protocol/tolerance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

namespace tessera {
namespace {

using absl::StatusCode;
using Vector = std::vector<float>;

TEST(RelativeDistance, ComparesWithTheChange) {
  // The change is (3, 4), of length 5; the difference is (0, 1).
  EXPECT_DOUBLE_EQ(RelativeDistance(Vector{4, 6}, Vector{4, 5}, Vector{1, 1}).value(), 0.2);
  EXPECT_EQ(RelativeDistance(Vector{4, 5}, Vector{4, 5}, Vector{1, 1}).value(), 0.0);
}

TEST(RelativeDistance, IsInfiniteOrZeroWithoutAChange) {
  EXPECT_EQ(RelativeDistance(Vector{2}, Vector{1}, Vector{1}).value(),
            std::numeric_limits<double>::infinity());
  EXPECT_EQ(RelativeDistance(Vector{1}, Vector{1}, Vector{1}).value(), 0.0);
}

TEST(RelativeDistance, DoesNotOverflow) {
  const float most = std::numeric_limits<float>::max();
  EXPECT_DOUBLE_EQ(RelativeDistance(Vector{-most}, Vector{most}, Vector{-most}).value(), 1.0);
}

TEST(RelativeDistance, RefusesOtherLengthsAndValuesThatAreNotFinite) {
  const auto code = [](const Vector& a, const Vector& b, const Vector& start) {
    return RelativeDistance(a, b, start).status().code();
  };
  EXPECT_EQ(code({}, {}, {}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1}, {1, 2}, {1, 2}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {1}, {1, 2}), StatusCode::kInvalidArgument);
  EXPECT_EQ(code({1, 2}, {1, 2}, {1}), StatusCode::kInvalidArgument);
  for (float bad : {std::nanf(""), INFINITY, -INFINITY}) {
    EXPECT_EQ(code({bad}, {1}, {2}), StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(code({1}, {bad}, {2}), StatusCode::kInvalidArgument) << bad;
    EXPECT_EQ(code({1}, {1}, {bad}), StatusCode::kInvalidArgument) << bad;
  }
}

TEST(VendorTolerance, SeparatesHonestRunsFromSkippedSteps) {
  EXPECT_EQ(VendorTolerance(1), 1e-3);
  EXPECT_EQ(VendorTolerance(5), 1e-3);
  EXPECT_EQ(VendorTolerance(6), 1e-2);
  EXPECT_EQ(VendorTolerance(10), 1e-2);
  EXPECT_EQ(VendorTolerance(1000), VendorTolerance(10));
}

}  // namespace
}  // namespace tessera
