// Whole jobs under crashes, losses and liars. TESSERA_SIM_SEEDS=5000 runs more of them,
// TESSERA_SIM_SEED=17 only that one.
#include <gtest/gtest.h>

#include <chrono>
#include <cstdio>
#include <cstdlib>

#include "tests/sim/simulation.h"

namespace tessera::coordinator::sim {
namespace {

constexpr uint64_t kSeedsDefault = 300;

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

void Report(uint64_t seed, const Outcomes& outcomes) {
  for (const std::string& violation : outcomes.violations) {
    ADD_FAILURE() << violation << "\nagain with: TESSERA_SIM_SEED=" << seed << " sim_test";
  }
}

TEST(SimTest, JobsKeepTheirPromisesWhateverHappens) {
  if (std::getenv("TESSERA_SIM_SEED") != nullptr) {
    const uint64_t seed = FromEnvironment("TESSERA_SIM_SEED", 0);
    return Report(seed, Simulate(seed));
  }
  Outcomes total;
  const uint64_t seeds = FromEnvironment("TESSERA_SIM_SEEDS", kSeedsDefault);
  const auto start = std::chrono::steady_clock::now();
  for (uint64_t seed = 0; seed < seeds && !testing::Test::HasFailure(); ++seed) {
    const Outcomes outcomes = Simulate(seed);
    Report(seed, outcomes);
    total.events += outcomes.events;
    total.restarts += outcomes.restarts;
    total.rounds_settled += outcomes.rounds_settled;
    total.rounds_aborted += outcomes.rounds_aborted;
    total.slashed += outcomes.slashed;
    total.slashed_honest += outcomes.slashed_honest;
    total.rejected += outcomes.rejected;
    total.lapsed += outcomes.lapsed;
  }
  const double seconds =
      std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
  std::printf(
      "%lu jobs, %lu rounds settled, %lu aborted, %lu lapsed, %lu events, %lu restarts, %lu "
      "slashed "
      "(%lu honest, by majorities of liars), %lu refused; %.0f rounds/s\n",
      seeds, total.rounds_settled, total.rounds_aborted, total.lapsed, total.events, total.restarts,
      total.slashed, total.slashed_honest, total.rejected,
      static_cast<double>(total.rounds_settled + total.rounds_aborted) / seconds);
  // The dice are loaded so that all of this happens; otherwise the simulation tests less than it
  // says.
  if (seeds >= kSeedsDefault && !testing::Test::HasFailure()) {
    EXPECT_GT(total.rounds_settled, seeds);
    EXPECT_GT(total.rounds_aborted, 0u);
    EXPECT_GT(total.lapsed, 0u);
    EXPECT_GT(total.restarts, seeds);
    EXPECT_GT(total.slashed, 0u);
    EXPECT_GT(total.slashed_honest, 0u);
    EXPECT_GT(total.rejected, seeds);
  }
}

TEST(SimTest, SameSeedGivesTheSameJob) {
  for (const uint64_t seed : {1u, 2u, 3u}) {
    const Outcomes first = Simulate(seed);
    const Outcomes second = Simulate(seed);
    EXPECT_EQ(first.events, second.events);
    EXPECT_EQ(first.restarts, second.restarts);
    EXPECT_EQ(first.rejected, second.rejected);
  }
}

}  // namespace
}  // namespace tessera::coordinator::sim
