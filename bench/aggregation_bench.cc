// The rules' time against one read of the same n * d floats, side by side in one run.
//
//   aggregation_bench --benchmark_repetitions=7 --benchmark_enable_random_interleaving=true
//
// ReadLimit adds up the rows with as many threads, and is the limit that a coordinate-wise rule is
// measured by; what comes after the rule's name is n / d / threads / instruction set (0 portable, 1
// AVX2, 2 AVX-512).
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <map>
#include <span>
#include <utility>
#include <vector>

#include "aggregation/column_grid.h"
#include "aggregation/isa.h"
#include "aggregation/kernels/kernels.h"
#include "aggregation/rule.h"

namespace tessera::aggregation {
namespace {

// n updates of d floats, each in memory of its own, made once a shape.
struct Sample {
  std::vector<std::vector<float>> rows;
  std::vector<float> out;

  UpdateMatrix matrix() const { return UpdateMatrix::Create({rows.begin(), rows.end()}).value(); }
};

Sample& SampleOf(size_t n, size_t d) {
  static std::map<std::pair<size_t, size_t>, Sample> samples;
  Sample& sample = samples[{n, d}];
  if (!sample.rows.empty()) return sample;
  uint64_t state = 1;
  sample.out.resize(d);
  sample.rows.assign(n, std::vector<float>(d));
  for (auto& row : sample.rows) {
    for (float& x : row) {
      state = state * 6364136223846793005U + 1442695040888963407U;
      x = static_cast<float>(static_cast<int32_t>(state >> 32)) * 0x1p-41F;
    }
  }
  return sample;
}

AggregateOptions OptionsOf(const benchmark::State& state, Scores scores) {
  return {.threads = static_cast<int>(state.range(2)),
          .scores = scores,
          .isa_max = static_cast<Isa>(state.range(3))};
}

void CountBytes(benchmark::State& state) {
  state.SetBytesProcessed(static_cast<int64_t>(state.iterations()) * state.range(0) *
                          state.range(1) * static_cast<int64_t>(sizeof(float)));
}

// One read of every row with 32 independent sums, so that memory alone sets the pace.
double SumOfRow(const float* row, size_t columns) {
  constexpr size_t kSums = 32;
  float sums[kSums] = {};
  for (size_t c = 0; c + kSums <= columns; c += kSums) {
    __builtin_prefetch(row + c + 512);
    __builtin_prefetch(row + c + 528);
    for (size_t k = 0; k < kSums; ++k) sums[k] += row[c + k];
  }
  double total = 0;
  for (const float sum : sums) total += double{sum};
  return total;
}

void ReadLimit(benchmark::State& state) {
  const Sample& sample =
      SampleOf(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  const ColumnGrid grid(sample.out.size(), 256);
  std::vector<double> sums(grid.segments());
  for (auto _ : state) {
    ForEachSegment(grid.segments(), static_cast<int>(state.range(2)), [&](size_t, size_t segment) {
      const ColumnGrid::Range range = grid.segment(segment);
      for (const auto& row : sample.rows)
        sums[segment] += SumOfRow(row.data() + range.begin, range.size());
    });
    benchmark::DoNotOptimize(sums.data());
  }
  CountBytes(state);
}

void RunRule(benchmark::State& state, const AggregationConfig& config, Scores scores) {
  Sample& sample =
      SampleOf(static_cast<size_t>(state.range(0)), static_cast<size_t>(state.range(1)));
  const UpdateMatrix updates = sample.matrix();
  const AggregateOptions options = OptionsOf(state, scores);
  for (auto _ : state) {
    if (!Aggregate(updates, config, options, sample.out).ok()) std::abort();
    benchmark::DoNotOptimize(sample.out.data());
  }
  CountBytes(state);
}

// f = ceil(n / 5), the protocol's default.
uint32_t ByzantineOf(const benchmark::State& state) {
  return static_cast<uint32_t>((state.range(0) + 4) / 5);
}

void MeanRule(benchmark::State& state) {
  RunRule(state, {.rule = Rule::kMean, .clip = Clip::kNone}, Scores::kNone);
}
void TrimmedMeanRule(benchmark::State& state) {
  RunRule(state, {.rule = Rule::kTrimmedMean, .byzantine = ByzantineOf(state), .clip = Clip::kNone},
          Scores::kNone);
}
void TrimmedMeanScored(benchmark::State& state) {
  RunRule(state, {.rule = Rule::kTrimmedMean, .byzantine = ByzantineOf(state), .clip = Clip::kNone},
          Scores::kSquaredDistance);
}
void MixingTrimmedMeanRule(benchmark::State& state) {
  RunRule(state, {.byzantine = ByzantineOf(state), .clip = Clip::kNone}, Scores::kNone);
}
// What a job runs by default: clipped, mixed, trimmed, scored.
void DefaultRule(benchmark::State& state) {
  RunRule(state, {.byzantine = ByzantineOf(state)}, Scores::kSquaredDistance);
}

void Shapes(benchmark::internal::Benchmark* bench) {
  const auto best = static_cast<int64_t>(BestIsa());
  for (const int64_t isa : {best, std::min<int64_t>(best, 1)}) {
    bench->Args({10, 1'000'000, 2, isa})->Args({32, 1'000'000, 2, isa});
    if (best <= 1) break;
  }
  bench->Args({100, 1'000'000, 2, best});
  bench->UseRealTime()->Unit(benchmark::kMillisecond)->MinTime(0.2);
}

BENCHMARK(ReadLimit)->Apply(Shapes);
BENCHMARK(MeanRule)->Apply(Shapes);
BENCHMARK(TrimmedMeanRule)->Apply(Shapes);
BENCHMARK(TrimmedMeanScored)->Apply(Shapes);
BENCHMARK(MixingTrimmedMeanRule)->Apply(Shapes);
BENCHMARK(DefaultRule)->Apply(Shapes);

}  // namespace
}  // namespace tessera::aggregation

BENCHMARK_MAIN();
