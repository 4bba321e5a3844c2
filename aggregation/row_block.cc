#include "aggregation/row_block.h"

#include <algorithm>

namespace tessera::aggregation {

RowSet::RowSet(const UpdateMatrix& updates, std::span<const float> scale_by_row,
               const std::vector<uint8_t>& excluded)
    : columns(updates.columns()) {
  for (size_t i = 0; i < updates.rows(); ++i) {
    if (excluded[i] != 0) continue;
    data.push_back(updates.row(i).data());
    scale.push_back(scale_by_row.empty() ? 1.0F : scale_by_row[i]);
    index.push_back(i);
  }
}

RowBlock::RowBlock(const RowSet& rows)
    : rows_(rows), pointers_(rows.size()), copies_(rows.size() * kBlockStride) {}

void RowBlock::Load(ColumnGrid::Range range) {
  const size_t width = range.size();
  columns_ = (width + kLanes - 1) / kLanes * kLanes;
  for (size_t i = 0; i < pointers_.size(); ++i) {
    const float* row = rows_.data[i] + range.begin;
    const float scale = rows_.scale[i];
    if (scale == 1.0F && columns_ == width) {
      pointers_[i] = row;
      continue;
    }
    float* copy = copies_.data() + i * kBlockStride;
    for (size_t c = 0; c < width; ++c) copy[c] = scale * row[c];
    std::fill(copy + width, copy + columns_, 0.0F);
    pointers_[i] = copy;
  }
}

}  // namespace tessera::aggregation
