#include "protocol/tolerance.h"

#include <cmath>
#include <limits>
#include <string>

namespace tessera {

absl::StatusOr<double> RelativeDistance(std::span<const float> a, std::span<const float> b,
                                        std::span<const float> start) {
  if (a.empty() || a.size() != b.size() || a.size() != start.size()) {
    return absl::InvalidArgumentError(
        "relative distance of " + std::to_string(a.size()) + ", " + std::to_string(b.size()) +
        " and " + std::to_string(start.size()) + " values, must be equal and not 0");
  }
  // Squares of binary32 values cannot overflow binary64.
  double distance = 0;
  double change = 0;
  for (size_t i = 0; i < a.size(); ++i) {
    const double apart = double{a[i]} - double{b[i]};
    const double moved = double{b[i]} - double{start[i]};
    distance += apart * apart;
    change += moved * moved;
  }
  // A NaN would compare as within any tolerance.
  if (!std::isfinite(distance) || !std::isfinite(change)) {
    return absl::InvalidArgumentError("relative distance of values that are not finite");
  }
  if (distance == 0) return 0.0;
  if (change == 0) return std::numeric_limits<double>::infinity();
  return std::sqrt(distance / change);
}

double VendorTolerance(uint32_t steps) { return steps <= 5 ? 1e-3 : 1e-2; }

}  // namespace tessera
