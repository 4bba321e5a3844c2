// Updates for tests: seeded, so that a failure can be repeated from the seed that SCOPED_TRACE
// prints.
#pragma once

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstdint>
#include <random>
#include <span>
#include <vector>

#include "aggregation/update_matrix.h"

namespace tessera::aggregation {

using Rows = std::vector<std::vector<float>>;

// n rows of d values around a common vector, some of them equal, zero or of either zero's sign.
inline Rows RandomRows(size_t n, size_t d, uint32_t seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::uniform_int_distribution<int> kind(0, 19);
  Rows rows(n, std::vector<float>(d));
  for (size_t c = 0; c < d; ++c) {
    const float common = normal(random);
    for (size_t i = 0; i < n; ++i) {
      const int k = kind(random);
      rows[i][c] = k == 0 ? 0.0F : k == 1 ? -0.0F : k < 5 ? common : common + 0.3F * normal(random);
    }
  }
  return rows;
}

inline UpdateMatrix View(const Rows& rows) {
  return UpdateMatrix::Create({rows.begin(), rows.end()}).value();
}

// The values of column c, each scaled in fp32, ascending.
inline std::vector<float> SortedColumn(const Rows& rows, std::span<const float> scale, size_t c) {
  std::vector<float> values;
  for (size_t i = 0; i < rows.size(); ++i) {
    values.push_back(scale.empty() ? rows[i][c] : scale[i] * rows[i][c]);
  }
  std::sort(values.begin(), values.end());
  return values;
}

// The definition of the trimmed mean, one column at a time.
inline std::vector<float> NaiveTrimmedMean(const Rows& rows, size_t trim,
                                           std::span<const float> scale = {}) {
  std::vector<float> result;
  for (size_t c = 0; c < rows[0].size(); ++c) {
    const std::vector<float> values = SortedColumn(rows, scale, c);
    double sum = 0;
    for (size_t i = trim; i < values.size() - trim; ++i) sum += double{values[i]};
    result.push_back(static_cast<float>(sum * (1.0 / static_cast<double>(rows.size() - 2 * trim))));
  }
  return result;
}

// The definition of the mean, rows in order.
inline std::vector<float> NaiveMean(const Rows& rows) {
  std::vector<float> result;
  for (size_t c = 0; c < rows[0].size(); ++c) {
    double sum = 0;
    for (const auto& row : rows) sum += double{row[c]};
    result.push_back(static_cast<float>(sum * (1.0 / static_cast<double>(rows.size()))));
  }
  return result;
}

inline std::vector<uint32_t> Bits(std::span<const float> values) {
  std::vector<uint32_t> bits;
  for (const float value : values) bits.push_back(std::bit_cast<uint32_t>(value));
  return bits;
}

inline bool AllFinite(std::span<const float> values) {
  return std::all_of(values.begin(), values.end(), [](float x) { return std::isfinite(x); });
}

inline double SquaredDistance(std::span<const float> a, std::span<const float> b) {
  double sum = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    sum += (double{a[i]} - double{b[i]}) * (double{a[i]} - double{b[i]});
  }
  return sum;
}

}  // namespace tessera::aggregation
