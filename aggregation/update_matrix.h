// The updates of one round as the aggregation rules read them.
#pragma once

#include <cstddef>
#include <span>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera::aggregation {

// A view of n updates of d floats each; it owns no float, so the rows must outlive it.
//
// Rows stand in ascending worker id, whatever order they arrived in: rules add rows and break ties
// by row index, so their bits depend on the sorted set alone, never on arrival, threads or
// instruction set.
//
// Example:
//   ASSIGN_OR_RETURN(const UpdateMatrix updates, UpdateMatrix::Create({alice, bob, carol}));
class UpdateMatrix {
 public:
  // Distance-based rules keep O(n^2) numbers.
  static constexpr size_t kRowsMax = 4096;

  // rows: n spans of d floats. InvalidArgument if n or d is 0, if n exceeds kRowsMax, or if a row's
  // length differs from row 0's.
  static absl::StatusOr<UpdateMatrix> Create(std::vector<std::span<const float>> rows);

  size_t rows() const { return rows_.size(); }
  size_t columns() const { return rows_.front().size(); }
  std::span<const float> row(size_t index) const { return rows_[index]; }

 private:
  explicit UpdateMatrix(std::vector<std::span<const float>> rows) : rows_(std::move(rows)) {}

  std::vector<std::span<const float>> rows_;  // Never empty, nor is any row.
};

}  // namespace tessera::aggregation
