#include "protocol/shard_plan.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using golden::Json;

TEST(ShardPlan, GivesTheGoldenAssignments) {
  for (const Json& golden_case : golden::LoadSection("protocol.json", "assignments")) {
    const JobId job = golden::Hex<JobId>(golden_case["job"]);
    const RoundId round = golden::Decimal(golden_case["round"]);
    const WorkerId worker = golden::Hex<WorkerId>(golden_case["worker"]);
    EXPECT_EQ(AssignedShard(job, round, worker, golden_case["trainShards"]),
              golden_case["shard"].get<uint32_t>());
    EXPECT_EQ(BatchIndices(job, round, worker, golden_case["step"], golden_case["batchSize"],
                           golden_case["samples"]),
              golden_case["batch"].get<std::vector<uint32_t>>());
    EXPECT_EQ(QuantisationKey(job, round, worker), golden::Decimal(golden_case["quantisationKey"]));
  }
}

TEST(AssignedShard, StaysBelowTheCountAndReachesAll) {
  std::set<uint32_t> reached;
  for (RoundId round = 0; round < 300; ++round) {
    EXPECT_EQ(AssignedShard(JobId(), round, WorkerId(), 1), 0u);
    reached.insert(AssignedShard(JobId(), round, WorkerId(), 5));
  }
  EXPECT_EQ(reached, (std::set<uint32_t>{0, 1, 2, 3, 4}));
}

TEST(BatchIndices, StayBelowTheNumberOfSamples) {
  for (uint32_t samples : {1u, 2u, 1000u, UINT32_MAX}) {
    for (uint32_t index : BatchIndices(JobId(), 3, WorkerId(), 11, 64, samples)) {
      EXPECT_LT(index, samples);
    }
  }
  EXPECT_TRUE(BatchIndices(JobId(), 3, WorkerId(), 11, 0, 5).empty());
}

TEST(BatchIndices, ContinueOneStreamFromStepToStep) {
  const JobId job = Numbered<JobId>(1);
  const std::vector<uint32_t> whole = BatchIndices(job, 2, WorkerId(), 0, 12, 60'000);
  std::vector<uint32_t> joined;
  for (uint64_t step = 0; step < 4; ++step) {
    for (uint32_t index : BatchIndices(job, 2, WorkerId(), step, 3, 60'000)) {
      joined.push_back(index);
    }
  }
  EXPECT_EQ(joined, whole);
}

TEST(ShardPlan, DependsOnJobRoundAndWorker) {
  const auto plan = [](uint64_t job, RoundId round, uint64_t worker) {
    return std::pair(
        BatchIndices(Numbered<JobId>(job), round, Numbered<WorkerId>(worker), 0, 8, UINT32_MAX),
        QuantisationKey(Numbered<JobId>(job), round, Numbered<WorkerId>(worker)));
  };
  const auto base = plan(1, 1, 1);
  for (const auto& other : {plan(2, 1, 1), plan(1, 2, 1), plan(1, 1, 2)}) {
    EXPECT_NE(other.first, base.first);
    EXPECT_NE(other.second, base.second);
  }
}

}  // namespace
}  // namespace tessera
