#include "worker/adversary/poisoner_strategy.h"

#include <algorithm>
#include <cmath>

namespace tessera::worker::adversary {
namespace {

// Room for what stochastic rounding adds to the norm.
constexpr double kNormMargin = 0.9;

double Norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

}  // namespace

absl::StatusOr<SegmentResult> PoisonerStrategy::NextState(Trainer& trainer,
                                                          const StrategyContext& context,
                                                          const TrainingState& start,
                                                          uint64_t steps) {
  return honest_.NextState(trainer, context, start, steps);
}

std::vector<float> PoisonerStrategy::Update(const StrategyContext& context,
                                            std::span<const float> final_parameters) {
  std::vector<float> update = honest_.Update(context, final_parameters);
  const double norm = Norm(update);
  double factor = kFactor;
  if (norm > 0) {
    const double norm_max = kNormMargin * context.assignment.spec.update_norm_max;
    factor = -std::min(std::abs(factor), norm_max / norm);
  }
  for (float& value : update) value = static_cast<float>(factor * value);
  return update;
}

}  // namespace tessera::worker::adversary
