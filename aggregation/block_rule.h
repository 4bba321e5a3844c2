// Coordinate-wise rules: what a rule does to one block of columns, and the pass that applies it to
// all of them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <vector>

#include "aggregation/kernels/kernels.h"
#include "aggregation/row_block.h"
#include "aggregation/rules.h"

namespace tessera::aggregation {

// A rule whose output at a column depends on that column alone. Holds scratch, so it belongs to one
// thread.
class BlockRule {
 public:
  virtual ~BlockRule() = default;
  // rows: the rows that the rule was made for, `columns` floats each, a multiple of kLanes and at
  // most ColumnGrid::kBlockColumns. False if some value is not finite; out is then unspecified.
  virtual bool Apply(RowPointers rows, size_t columns, float* out) = 0;
};
using BlockRuleFactory = std::function<std::unique_ptr<BlockRule>()>;

// Who is near whom, in the form that the kernels read.
struct Neighbourhoods {
  // No row is near any other yet. Every row will have `neighbour_count` neighbours, itself
  // included.
  Neighbourhoods(size_t row_count, size_t neighbour_count);
  void Add(size_t row, size_t neighbour);

  size_t count;
  size_t groups;
  std::vector<uint8_t> subset;  // MixingPlan::subset.
};

// `weights`, one a row or empty, and `neighbourhoods` must outlive the rule. 2 * trim < rows.
std::unique_ptr<BlockRule> MakeMean(const Kernels& kernels, size_t rows,
                                    std::span<const double> weights);
std::unique_ptr<BlockRule> MakeTrimmedMean(const Kernels& kernels, size_t rows, size_t trim);
// Replaces each row by the mean of its neighbours, then takes the trimmed mean.
std::unique_ptr<BlockRule> MakeMixedTrimmedMean(const Kernels& kernels, size_t rows, size_t trim,
                                                const Neighbourhoods& neighbourhoods);

struct BlockPass {
  std::vector<uint8_t> non_finite;  // One flag a row of the set.
  std::vector<double>
      score;  // Squared distance of each (scaled) row to out; empty for Scores::kNone.
};

// Fills out from one pass over the rows, every thread with a rule of its own. If any non_finite
// flag is set, out and score are unspecified.
BlockPass ApplyBlockRule(const RowSet& rows, const BlockRuleFactory& make_rule,
                         const AggregateOptions& options, std::span<float> out);

}  // namespace tessera::aggregation
