#include "aggregation/sorting_network.h"

#include <algorithm>

namespace tessera::aggregation {

std::vector<Comparator> SelectionNetwork(size_t wires, size_t trim) {
  std::vector<Comparator> network(SortingNetwork(wires, nullptr).Build());
  SortingNetwork(wires, network.data()).Build();

  // Backwards: a comparator matters only if a later reader wants one of its outputs, and then needs
  // both inputs.
  std::vector<bool> wanted(wires);
  for (size_t i = trim; i < wires - trim; ++i) wanted[i] = true;
  std::vector<Comparator> kept;
  kept.reserve(network.size());
  for (auto comparator = network.rbegin(); comparator != network.rend(); ++comparator) {
    if (!wanted[comparator->low] && !wanted[comparator->high]) continue;
    wanted[comparator->low] = wanted[comparator->high] = true;
    kept.push_back(*comparator);
  }
  std::reverse(kept.begin(), kept.end());
  return kept;
}

}  // namespace tessera::aggregation
