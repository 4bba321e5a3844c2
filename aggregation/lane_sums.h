// The fixed order in which the partial sums of a row's lanes become one sum.
#pragma once

#include <array>
#include <cstddef>

#include "aggregation/kernels/kernels.h"

namespace tessera::aggregation {

using LaneSums = std::array<double, kLanes>;

// Halves again and again: lane l and lane l + 8, then l + 4, l + 2, l + 1.
inline double SumOfLanes(LaneSums lanes) {
  for (size_t stride = kLanes / 2; stride > 0; stride /= 2) {
    for (size_t l = 0; l < stride; ++l) lanes[l] += lanes[l + stride];
  }
  return lanes[0];
}

}  // namespace tessera::aggregation
