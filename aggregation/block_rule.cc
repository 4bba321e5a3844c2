#include "aggregation/block_rule.h"

#include <algorithm>

#include "aggregation/isa.h"
#include "aggregation/lane_sums.h"
#include "aggregation/sorting_network.h"

namespace tessera::aggregation {
namespace {

// Bounds the partial sums of a pass: one double a row and segment.
constexpr size_t kSegmentsMax = 256;

class MeanBlock final : public BlockRule {
 public:
  MeanBlock(const Kernels& kernels, size_t rows, std::span<const double> weights)
      : kernels_(kernels), rows_(rows), weights_(weights) {
    double total = static_cast<double>(rows);
    if (!weights.empty()) {
      total = 0;
      for (const double weight : weights) total += weight;
    }
    reciprocal_ = 1.0 / total;
  }

  bool Apply(RowPointers rows, size_t columns, float* out) override {
    const double* weights = weights_.empty() ? nullptr : weights_.data();
    return kernels_.weighted_mean(rows, rows_, weights, reciprocal_, columns, out);
  }

 private:
  const Kernels& kernels_;
  size_t rows_;
  std::span<const double> weights_;
  double reciprocal_;
};

class TrimmedMeanBlock final : public BlockRule {
 public:
  TrimmedMeanBlock(const Kernels& kernels, size_t rows, size_t trim)
      : kernels_(kernels), tile_(rows > kUnrolledRowsMax ? rows * kLanes : 0) {
    if (rows > kUnrolledRowsMax) network_ = SelectionNetwork(rows, trim);
    plan_ = {.rows = rows,
             .trim = trim,
             .reciprocal = 1.0 / static_cast<double>(rows - 2 * trim),
             .network = network_.data(),
             .comparators = network_.size(),
             .tile = tile_.data()};
  }

  bool Apply(RowPointers rows, size_t columns, float* out) override {
    return kernels_.trimmed_mean(plan_, rows, columns, out);
  }

 private:
  const Kernels& kernels_;
  std::vector<Comparator> network_;
  AlignedArray<float> tile_;
  TrimmedMeanPlan plan_;
};

class MixedTrimmedMeanBlock final : public BlockRule {
 public:
  MixedTrimmedMeanBlock(const Kernels& kernels, size_t rows, size_t trim,
                        const Neighbourhoods& neighbourhoods)
      : kernels_(kernels),
        trimmed_mean_(kernels, rows, trim),
        mixed_(rows * kBlockStride),
        tile_(neighbourhoods.groups * kGroupSubsets * kLanes) {
    for (size_t i = 0; i < rows; ++i) {
      mixed_rows_.push_back(mixed_.data() + i * kBlockStride);
    }
    plan_ = {.rows = rows,
             .groups = neighbourhoods.groups,
             .subset = neighbourhoods.subset.data(),
             .reciprocal = 1.0 / static_cast<double>(neighbourhoods.count),
             .tile = tile_.data()};
  }

  bool Apply(RowPointers rows, size_t columns, float* out) override {
    kernels_.mix(plan_, rows, columns, mixed_rows_.data());
    return trimmed_mean_.Apply(mixed_rows_.data(), columns, out);
  }

 private:
  const Kernels& kernels_;
  TrimmedMeanBlock trimmed_mean_;
  AlignedArray<float> mixed_;
  AlignedArray<double> tile_;
  std::vector<float*> mixed_rows_;
  MixingPlan plan_;
};

// What one thread needs, made before the threads start so that no thread can fail to get its
// memory.
struct Workspace {
  Workspace(const RowSet& rows, const BlockRuleFactory& make_rule)
      : block(rows), rule(make_rule()), padded(ColumnGrid::kBlockColumns) {
    non_finite.resize(rows.size());
    lanes.resize(rows.size());
  }
  RowBlock block;
  std::unique_ptr<BlockRule> rule;
  AlignedArray<float> padded;  // The rule's output where it is wider than what remains of `out`.
  std::vector<uint8_t> non_finite;
  std::vector<LaneSums> lanes;
};

}  // namespace

Neighbourhoods::Neighbourhoods(size_t row_count, size_t neighbour_count)
    : count(neighbour_count),
      groups((row_count + kGroupRows - 1) / kGroupRows),
      subset(row_count * groups) {}

void Neighbourhoods::Add(size_t row, size_t neighbour) {
  subset[row * groups + neighbour / kGroupRows] |=
      static_cast<uint8_t>(1U << (neighbour % kGroupRows));
}

std::unique_ptr<BlockRule> MakeMean(const Kernels& kernels, size_t rows,
                                    std::span<const double> weights) {
  return std::make_unique<MeanBlock>(kernels, rows, weights);
}

std::unique_ptr<BlockRule> MakeTrimmedMean(const Kernels& kernels, size_t rows, size_t trim) {
  return std::make_unique<TrimmedMeanBlock>(kernels, rows, trim);
}

std::unique_ptr<BlockRule> MakeMixedTrimmedMean(const Kernels& kernels, size_t rows, size_t trim,
                                                const Neighbourhoods& neighbourhoods) {
  return std::make_unique<MixedTrimmedMeanBlock>(kernels, rows, trim, neighbourhoods);
}

BlockPass ApplyBlockRule(const RowSet& rows, const BlockRuleFactory& make_rule,
                         const AggregateOptions& options, std::span<float> out) {
  const Kernels& kernels = KernelsUpTo(options.isa_max);
  const ColumnGrid grid(rows.columns, kSegmentsMax);
  const bool scored = options.scores == Scores::kSquaredDistance;
  std::vector<std::unique_ptr<Workspace>> workspaces;
  for (int thread = 0; thread < options.threads; ++thread) {
    workspaces.push_back(std::make_unique<Workspace>(rows, make_rule));
  }
  std::vector<double> partial(scored ? grid.segments() * rows.size() : 0);  // (segments, rows).

  ForEachSegment(grid.segments(), options.threads, [&](size_t thread, size_t segment) {
    Workspace& workspace = *workspaces[thread];
    for (auto& lanes : workspace.lanes) lanes.fill(0);
    grid.ForEachBlock(segment, [&](ColumnGrid::Range range) {
      RowBlock& block = workspace.block;
      block.Load(range);
      const bool padded = block.columns() != range.size();
      float* result = padded ? workspace.padded.data() : out.data() + range.begin;
      if (!workspace.rule->Apply(block.rows(), block.columns(), result)) {
        for (size_t i = 0; i < rows.size(); ++i) {
          if (!kernels.all_finite(block.rows()[i], block.columns())) workspace.non_finite[i] = 1;
        }
      }
      if (padded) std::copy_n(result, range.size(), out.data() + range.begin);
      if (!scored) return;
      for (size_t i = 0; i < rows.size(); ++i) {
        kernels.add_squares(block.rows()[i], result, block.columns(), workspace.lanes[i].data());
      }
    });
    for (size_t i = 0; i < (scored ? rows.size() : 0); ++i) {
      partial[segment * rows.size() + i] = SumOfLanes(workspace.lanes[i]);
    }
  });

  BlockPass pass;
  pass.non_finite.resize(rows.size());
  for (const auto& workspace : workspaces) {
    for (size_t i = 0; i < rows.size(); ++i) pass.non_finite[i] |= workspace->non_finite[i];
  }
  if (scored) {
    pass.score.resize(rows.size());
    for (size_t segment = 0; segment < grid.segments(); ++segment) {
      for (size_t i = 0; i < rows.size(); ++i) pass.score[i] += partial[segment * rows.size() + i];
    }
  }
  return pass;
}

}  // namespace tessera::aggregation
