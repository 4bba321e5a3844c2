#include "worker/core/segment_audit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "tests/worker/softmax_trainer.h"
#include "worker/adversary/lazy_strategy.h"
#include "worker/adversary/poisoner_strategy.h"
#include "worker/core/local_round.h"

namespace tessera::worker {
namespace {

constexpr uint32_t kSegments = 4;

double NormOf(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

// One accused worker's finished round and an auditor with an engine of its own.
class SegmentAuditTest : public testing::Test {
 protected:
  SegmentAuditTest() {
    input_.assignment = MakeTinyAssignment();
    input_.base_parameters = MakeTinyParameters(1);
    input_.base_model_root = *ComputeBlobRoot(EncodeModel(input_.base_parameters));
    input_.shard = MakeTinyShard(30, 2);
  }

  void Train(UpdateStrategy& strategy) {
    SoftmaxTrainer trainer;
    absl::StatusOr<LocalRound> round = RunLocalRound(input_, trainer, strategy, states_, {});
    ASSERT_TRUE(round.ok()) << round.status();
    round_ = *std::move(round);
  }

  Bytes State(uint32_t index) const { return OpenState(*round_, states_, index)->bytes; }

  // The whole audit of one segment as the protocol runs it.
  absl::StatusOr<Outcome> Audit(uint32_t segment, EngineClass engine_class) {
    const Bytes start = State(segment);
    const Bytes next = State(segment + 1);
    const Bytes last = State(kSegments);
    const SegmentTask task{input_.assignment, segment, input_.base_parameters, start};
    const absl::StatusOr<RecomputedSegment> recomputed =
        RecomputeSegment(auditor_, task, input_.shard);
    if (!recomputed.ok()) return recomputed.status();
    return Judge(task, *recomputed,
                 {.engine_class = engine_class,
                  .next_root = *ComputeBlobRoot(next),
                  .next_state = next,
                  .final_state = last,
                  .update = round_->update});
  }

  // The same with `start`, `next` and `last` in place of what the worker committed to.
  Outcome JudgeStates(uint32_t segment, EngineClass engine_class, const Bytes& start,
                      const Bytes& next, const Bytes& last) {
    const SegmentTask task{input_.assignment, segment, input_.base_parameters, start};
    const absl::StatusOr<RecomputedSegment> recomputed =
        RecomputeSegment(auditor_, task, input_.shard);
    EXPECT_TRUE(recomputed.ok()) << recomputed.status();
    return *Judge(task, *recomputed,
                  {.engine_class = engine_class,
                   .next_root = *ComputeBlobRoot(next),
                   .next_state = next,
                   .final_state = last,
                   .update = round_->update});
  }

  LocalRoundInput input_;
  MemoryStateStore states_;
  std::optional<LocalRound> round_;
  SoftmaxTrainer auditor_;
};

TEST_F(SegmentAuditTest, HonestWorkerIsValidAtEverySegment) {
  HonestStrategy strategy;
  Train(strategy);
  for (uint32_t segment = 0; segment < kSegments; ++segment) {
    EXPECT_EQ(*Audit(segment, EngineClass::kPinned), Outcome::kValid) << segment;
    EXPECT_EQ(*Audit(segment, EngineClass::kVendor), Outcome::kValid) << segment;
  }
}

TEST_F(SegmentAuditTest, LazyWorkerIsAStateMismatchAtEverySegment) {
  adversary::LazyStrategy strategy;
  Train(strategy);
  for (uint32_t segment = 0; segment < kSegments; ++segment) {
    EXPECT_EQ(*Audit(segment, EngineClass::kPinned), Outcome::kStateMismatch) << segment;
    EXPECT_EQ(*Audit(segment, EngineClass::kVendor), Outcome::kStateMismatch) << segment;
  }
  EXPECT_GT(round_->mean_loss, 0.5);
}

TEST_F(SegmentAuditTest, PoisonerIsAnUpdateMismatchAtEverySegment) {
  adversary::PoisonerStrategy strategy;
  Train(strategy);
  for (uint32_t segment = 0; segment < kSegments; ++segment) {
    EXPECT_EQ(*Audit(segment, EngineClass::kPinned), Outcome::kUpdateMismatch) << segment;
    EXPECT_EQ(*Audit(segment, EngineClass::kVendor), Outcome::kUpdateMismatch) << segment;
  }
}

TEST_F(SegmentAuditTest, PoisonerFlipsTheSignAndStaysUnderTheNorm) {
  HonestStrategy honest;
  adversary::PoisonerStrategy poisoner;
  const StrategyContext context{input_.assignment, input_.shard, input_.base_parameters};
  const std::vector<float> final_parameters = MakeTinyParameters(8);
  const std::vector<float> update = honest.Update(context, final_parameters);
  const std::vector<float> poison = poisoner.Update(context, final_parameters);
  for (size_t i = 0; i < update.size(); ++i) EXPECT_FLOAT_EQ(poison[i], -4 * update[i]);

  input_.assignment.spec.update_norm_max = 1e-3f;
  EXPECT_LT(NormOf(poisoner.Update(context, final_parameters)), 1e-3);
}

TEST_F(SegmentAuditTest, VendorToleranceAcceptsAnotherEngineAndRefusesAShortcut) {
  HonestStrategy strategy;
  Train(strategy);
  auditor_.set_gradient_factor(1 + 1e-5);
  EXPECT_EQ(*Audit(1, EngineClass::kVendor), Outcome::kValid);
  EXPECT_EQ(*Audit(1, EngineClass::kPinned), Outcome::kStateMismatch);
  auditor_.set_gradient_factor(1 + 1e-2);
  EXPECT_EQ(*Audit(1, EngineClass::kVendor), Outcome::kStateMismatch);
}

TEST_F(SegmentAuditTest, VendorMomentumIsCheckedToo) {
  HonestStrategy strategy;
  Train(strategy);
  TrainingState forged = *DecodeState(State(2), SoftmaxTrainer::kDimension);
  for (float& value : forged.momentum) value = -value;
  EXPECT_EQ(JudgeStates(1, EngineClass::kVendor, State(1), EncodeState(forged), State(kSegments)),
            Outcome::kStateMismatch);
}

TEST_F(SegmentAuditTest, VendorWithoutReadableNextStateIsAStateMismatch) {
  HonestStrategy strategy;
  Train(strategy);
  EXPECT_EQ(JudgeStates(1, EngineClass::kVendor, State(1), Bytes{1, 2, 3}, State(kSegments)),
            Outcome::kStateMismatch);
  EXPECT_EQ(JudgeStates(1, EngineClass::kVendor, State(1), State(1), State(kSegments)),
            Outcome::kStateMismatch);
}

TEST_F(SegmentAuditTest, FirstSegmentStartsFromTheBaseModelWhateverWasOpened) {
  HonestStrategy strategy;
  Train(strategy);
  EXPECT_EQ(JudgeStates(0, EngineClass::kPinned, Bytes{}, State(1), State(kSegments)),
            Outcome::kValid);

  // A chain that begins elsewhere and is honest from there on does not pass.
  SoftmaxTrainer trainer;
  const TrainingState elsewhere = InitialState(MakeTinyParameters(77));
  const absl::StatusOr<SegmentResult> next =
      trainer.RunSteps(elsewhere, input_.shard, input_.assignment, 2);
  ASSERT_TRUE(next.ok());
  EXPECT_EQ(JudgeStates(0, EngineClass::kPinned, EncodeState(elsewhere), EncodeState(next->end),
                        State(kSegments)),
            Outcome::kStateMismatch);
}

TEST_F(SegmentAuditTest, UnusableOpenedStateIsADefectWithoutResult) {
  HonestStrategy strategy;
  Train(strategy);
  TrainingState late = *DecodeState(State(2), SoftmaxTrainer::kDimension);
  late.step = 3;
  TrainingState diverging = *DecodeState(State(2), SoftmaxTrainer::kDimension);
  diverging.parameters.assign(SoftmaxTrainer::kDimension, 1e4f);
  diverging.parameters[0] = -1e4f;
  Bytes not_a_number = State(2);
  std::fill(not_a_number.end() - 4, not_a_number.end(), uint8_t{0xff});
  Bytes truncated = State(2);
  truncated.pop_back();
  for (const Bytes& start : {EncodeState(late), EncodeState(diverging), not_a_number, truncated,
                             Bytes{}, Bytes(100, 0xff)}) {
    const SegmentTask task{input_.assignment, 2, input_.base_parameters, start};
    const absl::StatusOr<RecomputedSegment> recomputed =
        RecomputeSegment(auditor_, task, input_.shard);
    ASSERT_TRUE(recomputed.ok()) << recomputed.status();
    EXPECT_FALSE(recomputed->defect.ok());
    EXPECT_TRUE(recomputed->result_root.is_zero());
    EXPECT_EQ(JudgeStates(2, EngineClass::kPinned, start, State(3), State(kSegments)),
              Outcome::kStateMismatch);
  }
}

TEST_F(SegmentAuditTest, UnusableFinalStateIsAnUpdateMismatch) {
  HonestStrategy strategy;
  Train(strategy);
  for (const Bytes& last : {Bytes{}, Bytes(50, 0xff), State(kSegments - 1)}) {
    EXPECT_EQ(JudgeStates(0, EngineClass::kPinned, State(0), State(1), last),
              Outcome::kUpdateMismatch);
  }
}

TEST_F(SegmentAuditTest, OwnTroubleIsAnErrorAndNoVerdict) {
  HonestStrategy strategy;
  Train(strategy);
  const Bytes start = State(1);
  const SegmentTask task{input_.assignment, 1, input_.base_parameters, start};
  DataShard wrong = input_.shard;
  wrong.labels[0] = SoftmaxTrainer::kClasses;
  EXPECT_EQ(RecomputeSegment(auditor_, task, wrong).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(RecomputeSegment(auditor_, task, DataShard{}).status().code(),
            absl::StatusCode::kInvalidArgument);

  SegmentTask beyond = task;
  beyond.segment = kSegments;
  EXPECT_EQ(RecomputeSegment(auditor_, beyond, input_.shard).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(Judge(beyond, {}, {}).status().code(), absl::StatusCode::kInvalidArgument);

  SegmentTask short_base = task;
  short_base.base_parameters = short_base.base_parameters.first(3);
  EXPECT_EQ(RecomputeSegment(auditor_, short_base, input_.shard).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_F(SegmentAuditTest, AnotherShardGivesAnotherResult) {
  HonestStrategy strategy;
  Train(strategy);
  const DataShard other = MakeTinyShard(30, 3);
  const Bytes start = State(1);
  const SegmentTask task{input_.assignment, 1, input_.base_parameters, start};
  EXPECT_NE(RecomputeSegment(auditor_, task, other)->result_root,
            RecomputeSegment(auditor_, task, input_.shard)->result_root);
}

}  // namespace
}  // namespace tessera::worker
