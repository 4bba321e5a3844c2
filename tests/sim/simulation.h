// One whole job from launch to refund, decided by a seed.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace tessera::coordinator::sim {

struct Outcomes {
  std::vector<std::string> violations;
  uint64_t events = 0;
  uint64_t restarts = 0;
  uint64_t rounds_settled = 0;
  uint64_t rounds_aborted = 0;
  uint64_t slashed = 0;
  uint64_t slashed_honest = 0;  // By committees with a majority of liars.
  uint64_t rejected = 0;
  uint64_t lapsed = 0;
  bool cancelled = false;
};

Outcomes Simulate(uint64_t seed);

}  // namespace tessera::coordinator::sim
