#include "protocol/sampling.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using golden::Json;

TEST(Sampling, DrawsWhatTheContractDraws) {
  const Json vectors = golden::Load("sampling.json");
  for (const char* section : {"seeds", "audits", "segments", "committees"}) {
    ASSERT_FALSE(vectors[section].empty()) << section;
  }
  for (const Json& drawn : vectors["seeds"]) {
    EXPECT_EQ(RoundSeed(golden::Hex<JobId>(drawn["job"]), golden::Decimal(drawn["round"]),
                        golden::Hex<Digest>(drawn["commitRoot"]),
                        golden::Hex<Digest>(drawn["prevrandao"])),
              golden::Hex<Digest>(drawn["seed"]));
  }
  for (const Json& drawn : vectors["audits"]) {
    EXPECT_EQ(IsAudited(golden::Hex<Digest>(drawn["seed"]), golden::Hex<WorkerId>(drawn["worker"]),
                        golden::Hex<Digest>(drawn["commitment"]), drawn["ppm"]),
              drawn["audited"].get<bool>());
  }
  for (const Json& drawn : vectors["segments"]) {
    EXPECT_EQ(AuditedSegment(golden::Hex<Digest>(drawn["seed"]),
                             golden::Hex<WorkerId>(drawn["worker"]), drawn["segments"]),
              drawn["segment"].get<uint32_t>());
  }
  for (const Json& drawn : vectors["committees"]) {
    EXPECT_EQ(Committee(golden::Hex<Digest>(drawn["seed"]), drawn["accusedSlot"],
                        drawn["auditorSlots"], drawn["size"]),
              drawn["committee"].get<std::vector<uint32_t>>());
  }
}

TEST(IsAudited, NeverAtZeroAlwaysAtAMillionAndInProportionBetween) {
  int audited = 0;
  for (uint64_t i = 0; i < 4000; ++i) {
    const Digest seed = Numbered<Digest>(i);
    EXPECT_FALSE(IsAudited(seed, WorkerId(), Digest(), 0));
    EXPECT_TRUE(IsAudited(seed, WorkerId(), Digest(), 1'000'000));
    audited += IsAudited(seed, WorkerId(), Digest(), 250'000);
  }
  EXPECT_NEAR(audited, 1000, 140);  // Five standard deviations of a binomial(4000, 1/4).
}

TEST(AuditedSegment, StaysBelowTheCountAndReachesAll) {
  std::set<uint32_t> reached;
  for (uint64_t i = 0; i < 500; ++i) {
    EXPECT_EQ(AuditedSegment(Numbered<Digest>(i), WorkerId(), 1), 0u);
    reached.insert(AuditedSegment(Numbered<Digest>(i), WorkerId(), 7));
  }
  EXPECT_EQ(reached, (std::set<uint32_t>{0, 1, 2, 3, 4, 5, 6}));
}

TEST(Committee, SeatsDistinctAuditorsWithoutTheAccused) {
  for (uint32_t slots = 0; slots <= 9; ++slots) {
    for (uint32_t accused = 0; accused <= slots + 1; ++accused) {
      for (uint32_t size : {0u, 1u, 3u, 15u, UINT32_MAX}) {
        const std::vector<uint32_t> seats =
            Committee(Numbered<Digest>(slots), accused, slots, size);
        const uint32_t candidates = accused < slots ? slots - 1 : slots;
        EXPECT_EQ(seats.size(), std::min(size, candidates));
        const std::set<uint32_t> distinct(seats.begin(), seats.end());
        EXPECT_EQ(distinct.size(), seats.size());
        EXPECT_FALSE(distinct.contains(accused));
        EXPECT_TRUE(distinct.empty() || *distinct.rbegin() < slots);
      }
    }
  }
}

TEST(Committee, EveryCandidateHasTheSameChance) {
  std::vector<int> seated(5);
  for (uint64_t i = 0; i < 4000; ++i) {
    for (uint32_t slot : Committee(Numbered<Digest>(i), 2, 5, 1)) ++seated[slot];
  }
  EXPECT_EQ(seated[2], 0);
  for (uint32_t slot : {0, 1, 3, 4}) EXPECT_NEAR(seated[slot], 1000, 140) << slot;
}

TEST(CommitmentItem, DependsOnWorkerAndCommitment) {
  const Digest item = CommitmentItem(Numbered<WorkerId>(1), Numbered<Digest>(2));
  EXPECT_NE(CommitmentItem(Numbered<WorkerId>(2), Numbered<Digest>(2)), item);
  EXPECT_NE(CommitmentItem(Numbered<WorkerId>(1), Numbered<Digest>(3)), item);
  const Bytes words = ByteWriter()
                          .Raw(Bytes(12))
                          .Raw(Numbered<WorkerId>(1).view())
                          .Raw(Numbered<Digest>(2).view())
                          .bytes();
  EXPECT_EQ(item, Keccak256(words));
}

}  // namespace
}  // namespace tessera
