#include "worker/core/trainer.h"

#include <gtest/gtest.h>

#include <limits>

#include "tests/worker/softmax_trainer.h"

namespace tessera::worker {
namespace {

constexpr TrainerShape kShape{SoftmaxTrainer::kDimension, SoftmaxTrainer::kSampleBytes,
                              SoftmaxTrainer::kClasses};

TEST(CheckShardTest, RefusesWhatTheModelCannotTake) {
  const DataShard good = MakeTinyShard(6, 1);
  EXPECT_TRUE(CheckShard(good, kShape).ok());

  DataShard label = good;
  label.labels[2] = SoftmaxTrainer::kClasses;
  EXPECT_EQ(CheckShard(label, kShape).code(), absl::StatusCode::kInvalidArgument);
  label.labels[2] = SoftmaxTrainer::kClasses - 1;
  EXPECT_TRUE(CheckShard(label, kShape).ok());

  DataShard pixels = good;
  pixels.pixels.pop_back();
  EXPECT_EQ(CheckShard(pixels, kShape).code(), absl::StatusCode::kInvalidArgument);

  DataShard width = good;
  width.sample_bytes = 8;
  EXPECT_EQ(CheckShard(width, kShape).code(), absl::StatusCode::kInvalidArgument);

  EXPECT_EQ(CheckShard(DataShard{}, kShape).code(), absl::StatusCode::kInvalidArgument);
}

TEST(CheckTrainingInputTest, RefusesBadVectorsAndStepsBeyondTheRound) {
  const DataShard shard = MakeTinyShard(6, 1);
  const Assignment assignment = MakeTinyAssignment();
  TrainingState state = InitialState(MakeTinyParameters(1));
  const auto check = [&](uint64_t steps) {
    return CheckTrainingInput(state, shard, assignment, steps, kShape).code();
  };
  EXPECT_EQ(check(7), absl::StatusCode::kOk);
  EXPECT_EQ(check(8), absl::StatusCode::kInvalidArgument);
  state.step = 8;
  EXPECT_EQ(check(0), absl::StatusCode::kInvalidArgument);
  state.step = 0;
  state.momentum.pop_back();
  EXPECT_EQ(check(1), absl::StatusCode::kInvalidArgument);
  state = InitialState(MakeTinyParameters(1));
  state.parameters[3] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(check(1), absl::StatusCode::kInvalidArgument);
}

TEST(StateStepTest, LastSegmentMayBeShorter) {
  const JobSpec spec = MakeTinyAssignment().spec;
  EXPECT_EQ(StateStep(spec, 0), 0u);
  EXPECT_EQ(StateStep(spec, 3), 6u);
  EXPECT_EQ(StateStep(spec, 4), 7u);
  EXPECT_EQ(StateStep(spec, UINT32_MAX), 7u);
}

TEST(AssignmentTest, BatchesDifferByStepAndStayInTheShard) {
  const Assignment assignment = MakeTinyAssignment();
  const std::vector<uint32_t> first = assignment.Batch(0, 1000);
  EXPECT_EQ(first.size(), 5u);
  for (const uint32_t index : first) EXPECT_LT(index, 1000u);
  EXPECT_EQ(first, assignment.Batch(0, 1000));
  EXPECT_NE(first, assignment.Batch(1, 1000));
}

}  // namespace
}  // namespace tessera::worker
