// The rows that a rule works on, and windows of their columns in the form that kernels read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <span>
#include <vector>

#include "aggregation/column_grid.h"
#include "aggregation/kernels/kernels.h"
#include "aggregation/update_matrix.h"

namespace tessera::aggregation {

// Uninitialised scratch, aligned for the widest vectors.
template <class T>
class AlignedArray {
 public:
  explicit AlignedArray(size_t size)
      : data_(
            static_cast<T*>(::operator new (size * sizeof(T), std::align_val_t{kAlignmentBytes}))) {
  }
  T* data() const { return data_.get(); }

 private:
  struct Free {
    void operator()(T* data) const { ::operator delete (data, std::align_val_t{kAlignmentBytes}); }
  };
  std::unique_ptr<T[], Free> data_;
};

// The distance in floats between rows of a block's scratch: a multiple of a page would put the same
// column of all rows into one set of the first-level cache.
inline constexpr size_t kBlockStride = ColumnGrid::kBlockColumns + kLanes;

// The rows of a matrix that take part, ascending, each to be read as scale * row.
struct RowSet {
  // excluded: one flag a row. scale: one factor a row, or empty for all ones.
  RowSet(const UpdateMatrix& updates, std::span<const float> scale,
         const std::vector<uint8_t>& excluded);

  size_t size() const { return data.size(); }

  std::vector<const float*> data;
  std::vector<float> scale;
  std::vector<size_t> index;  // Which row of the matrix.
  size_t columns;
};

// One block of columns of every row of a RowSet. Rows of scale 1 are read in place; the others, and
// every row of a block whose width is not a multiple of kLanes, from a copy of this block alone,
// padded with zeros. Belongs to one thread.
class RowBlock {
 public:
  // `rows` must outlive this.
  explicit RowBlock(const RowSet& rows);

  // Moves to `range`, of at most ColumnGrid::kBlockColumns columns. A scaled value is the fp32
  // product.
  void Load(ColumnGrid::Range range);

  RowPointers rows() const { return pointers_.data(); }
  size_t size() const { return pointers_.size(); }
  // The width of the block, padded to a multiple of kLanes.
  size_t columns() const { return columns_; }

 private:
  const RowSet& rows_;
  std::vector<const float*> pointers_;
  AlignedArray<float> copies_;  // (rows, kBlockStride).
  size_t columns_ = 0;
};

}  // namespace tessera::aggregation
