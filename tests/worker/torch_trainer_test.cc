#include "worker/torch/torch_trainer.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "base/random.h"
#include "cli/idx_dataset.h"
#include "tests/worker/child_process.h"
#include "worker/core/environment.h"
#include "worker/core/local_round.h"
#include "worker/core/segment_audit.h"
#include "worker/torch/self_test.h"

namespace tessera::worker {
namespace {

constexpr const char* kFashionMnist = "/usr/share/datasets/fashion-mnist";

DataShard MakeShard(uint32_t samples) {
  const Philox4x32 random(3);
  DataShard shard;
  shard.classes = 10;
  shard.sample_bytes = 784;
  for (uint32_t i = 0; i < samples; ++i) shard.labels.push_back(static_cast<uint8_t>(i % 10));
  for (uint64_t i = 0; i < uint64_t{samples} * 784; ++i) {
    shard.pixels.push_back(static_cast<uint8_t>(random.Word(i) >> 24));
  }
  return shard;
}

Assignment MakeAssignment(ModelFamily family) {
  Assignment assignment;
  assignment.job = JobId(std::array<uint8_t, 32>{5});
  assignment.worker = WorkerId(std::array<uint8_t, 20>{6});
  assignment.spec.family = family;
  assignment.spec.local_steps = 11;
  assignment.spec.segment_steps = 5;
  assignment.spec.batch_size = 16;
  assignment.spec.inner_learning_rate = 0.02f;
  assignment.spec.inner_momentum = 0.9f;
  assignment.spec.update_norm_max = 100;
  return assignment;
}

std::unique_ptr<TorchTrainer> MakeTrainer(ModelFamily family) {
  absl::StatusOr<std::unique_ptr<TorchTrainer>> trainer = TorchTrainer::Create(family, CpuDevice());
  EXPECT_TRUE(trainer.ok()) << trainer.status();
  return *std::move(trainer);
}

LocalRoundInput MakeInput(ModelFamily family) {
  LocalRoundInput input;
  input.assignment = MakeAssignment(family);
  input.base_parameters = InitialParameters(family, 1);
  input.shard = MakeShard(100);
  return input;
}

class FamilyTest : public testing::TestWithParam<ModelFamily> {};
INSTANTIATE_TEST_SUITE_P(All, FamilyTest,
                         testing::Values(ModelFamily::kMlp, ModelFamily::kConvNet));

TEST_P(FamilyTest, AnySegmentRunAgainGivesTheCommittedState) {
  const LocalRoundInput input = MakeInput(GetParam());
  HonestStrategy strategy;
  MemoryStateStore states;
  const std::unique_ptr<TorchTrainer> worker = MakeTrainer(GetParam());
  const absl::StatusOr<LocalRound> round = RunLocalRound(input, *worker, strategy, states, {});
  ASSERT_TRUE(round.ok()) << round.status();
  ASSERT_EQ(round->commitment.segments, 3u);
  const std::unique_ptr<TorchTrainer> auditor = MakeTrainer(GetParam());
  const Bytes last = OpenState(*round, states, 3)->bytes;
  for (const uint32_t segment : {2u, 0u, 1u}) {
    const Bytes start = OpenState(*round, states, segment)->bytes;
    const SegmentTask task{input.assignment, segment, input.base_parameters, start};
    const absl::StatusOr<RecomputedSegment> recomputed =
        RecomputeSegment(*auditor, task, input.shard);
    ASSERT_TRUE(recomputed.ok()) << recomputed.status();
    const BlobRoot next_root = OpenState(*round, states, segment + 1)->opening.state_root;
    EXPECT_EQ(recomputed->result_root, next_root) << segment;
    EXPECT_EQ(*Judge(task, *recomputed,
                     {.engine_class = EngineClass::kPinned,
                      .next_root = next_root,
                      .next_state = {},
                      .final_state = last,
                      .update = round->update}),
              Outcome::kValid);
  }
}

TEST_P(FamilyTest, EvaluatesAnUntrainedModelNearChance) {
  const absl::StatusOr<Evaluation> evaluation =
      MakeTrainer(GetParam())->Evaluate(InitialParameters(GetParam(), 1), MakeShard(1003));
  ASSERT_TRUE(evaluation.ok());
  EXPECT_EQ(evaluation->samples, 1003u);
  EXPECT_NEAR(evaluation->loss, std::log(10.0), 0.3);
  EXPECT_NEAR(evaluation->accuracy, 0.1, 0.06);
}

TEST_P(FamilyTest, HostileInputIsAStatus) {
  const std::unique_ptr<TorchTrainer> trainer = MakeTrainer(GetParam());
  const Assignment assignment = MakeAssignment(GetParam());
  const DataShard shard = MakeShard(20);
  const TrainingState start = InitialState(InitialParameters(GetParam(), 1));
  const auto code = [&](const TrainingState& state, const DataShard& data) {
    return trainer->RunSteps(state, data, assignment, 2).status().code();
  };
  EXPECT_EQ(code(start, shard), absl::StatusCode::kOk);

  DataShard label = shard;
  label.labels[0] = 10;
  EXPECT_EQ(code(start, label), absl::StatusCode::kInvalidArgument);
  DataShard width = shard;
  width.sample_bytes = 392;
  EXPECT_EQ(code(start, width), absl::StatusCode::kInvalidArgument);
  TrainingState not_a_number = start;
  not_a_number.parameters[7] = std::numeric_limits<float>::quiet_NaN();
  EXPECT_EQ(code(not_a_number, shard), absl::StatusCode::kInvalidArgument);
  TrainingState truncated = start;
  truncated.parameters.pop_back();
  EXPECT_EQ(code(truncated, shard), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(trainer->Evaluate(not_a_number.parameters, shard).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST_P(FamilyTest, DivergenceNamesTheStep) {
  Assignment assignment = MakeAssignment(GetParam());
  assignment.spec.inner_learning_rate = 10;
  TrainingState start = InitialState(InitialParameters(GetParam(), 1));
  // The first step makes every parameter about 1e31: the second's logits overflow.
  for (float& value : start.momentum) value = -1e30f;
  const absl::Status status =
      MakeTrainer(GetParam())->RunSteps(start, MakeShard(20), assignment, 5).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kOutOfRange);
  EXPECT_NE(std::string(status.message()).find("step 1"), std::string::npos) << status;
}

// Central differences of the batch's loss in binary32: error O(h^2) of truncation plus about 1e-7 /
// h of rounding.
TEST(TorchTrainerTest, MlpGradientAgreesWithFiniteDifferences) {
  constexpr float kStep = 1e-2f;
  Assignment assignment = MakeAssignment(ModelFamily::kMlp);
  assignment.spec.inner_momentum = 0;
  assignment.spec.inner_learning_rate = 1;
  const std::unique_ptr<TorchTrainer> trainer = MakeTrainer(ModelFamily::kMlp);
  const DataShard shard = MakeShard(40);
  const TrainingState start = InitialState(InitialParameters(ModelFamily::kMlp, 1));
  const auto loss_at = [&](size_t index, float offset) {
    TrainingState moved = start;
    moved.parameters[index] += offset;
    return trainer->RunSteps(moved, shard, assignment, 1)->mean_loss;
  };
  const std::vector<float> gradient = trainer->RunSteps(start, shard, assignment, 1)->end.momentum;
  constexpr size_t kOutputLayer = 784 * 128 + 128;
  for (const size_t index : {kOutputLayer, kOutputLayer + 77, kOutputLayer + 1280 + 3,
                             size_t{784 * 128 + 5}, size_t{1000}}) {
    const double expected = (loss_at(index, kStep) - loss_at(index, -kStep)) / (2.0 * kStep);
    EXPECT_NEAR(gradient[index], expected, 2e-3 + 0.02 * std::abs(expected)) << index;
  }
}

TEST(TorchTrainerTest, StepsAreSgdWithMomentumRoundedOnce) {
  const Assignment assignment = MakeAssignment(ModelFamily::kMlp);
  const std::unique_ptr<TorchTrainer> trainer = MakeTrainer(ModelFamily::kMlp);
  const DataShard shard = MakeShard(40);
  const TrainingState start = InitialState(InitialParameters(ModelFamily::kMlp, 1));
  const TrainingState end = trainer->RunSteps(start, shard, assignment, 1)->end;
  const float rate = assignment.spec.inner_learning_rate;
  for (size_t i = 0; i < end.parameters.size(); ++i) {
    const float change = rate * end.momentum[i];
    ASSERT_EQ(end.parameters[i], start.parameters[i] - change) << i;
  }
}

TEST(TorchTrainerTest, RefusesAnUnknownFamily) {
  EXPECT_EQ(TorchTrainer::Create(static_cast<ModelFamily>(99), CpuDevice()).status().code(),
            absl::StatusCode::kInvalidArgument);
}

TEST(TorchTrainerTest, LearnsFashionMnist) {
  const std::filesystem::path folder = kFashionMnist;
  const absl::StatusOr<DataShard> test =
      cli::LoadIdx(folder / "t10k-images-idx3-ubyte.gz", folder / "t10k-labels-idx1-ubyte.gz");
  if (absl::IsNotFound(test.status())) GTEST_SKIP() << "package dataset-fashion-mnist is absent";
  ASSERT_TRUE(test.ok()) << test.status();
  const std::vector<DataShard> halves = *cli::SplitIntoShards(*test, 2, 1);
  Assignment assignment = MakeAssignment(ModelFamily::kConvNet);
  assignment.spec.local_steps = 60;
  assignment.spec.batch_size = 32;
  const std::unique_ptr<TorchTrainer> trainer = MakeTrainer(ModelFamily::kConvNet);
  const TrainingState start = InitialState(InitialParameters(ModelFamily::kConvNet, 1));
  const absl::StatusOr<SegmentResult> trained = trainer->RunSteps(start, halves[0], assignment, 60);
  ASSERT_TRUE(trained.ok()) << trained.status();
  const Evaluation before = *trainer->Evaluate(start.parameters, halves[1]);
  const Evaluation after = *trainer->Evaluate(trained->end.parameters, halves[1]);
  EXPECT_GT(before.loss, 2.2);
  EXPECT_LT(after.loss, 1.2);
  EXPECT_GT(after.accuracy, 0.6);
}

TEST(FreshProcess, AnswersItsFingerprint) {
  if (!IsChild()) GTEST_SKIP() << "started by CrossProcessTest only";
  const absl::StatusOr<Digest> fingerprint = TorchFingerprint(EngineClass::kPinned, CpuDevice());
  Answer(fingerprint.ok() ? fingerprint->hex() : fingerprint.status().ToString());
}

TEST(CrossProcessTest, PinnedClassHasTheSameBitsInEveryProcess) {
  if (DetectEngineClass(DetectCpuFeatures(), ProcessVariables()) != EngineClass::kPinned) {
    GTEST_SKIP() << "not in the pinned environment (run by ctest)";
  }
  const absl::StatusOr<Digest> own = TorchFingerprint(EngineClass::kPinned, CpuDevice());
  ASSERT_TRUE(own.ok()) << own.status();
  const absl::StatusOr<std::string> same = AskChild("FreshProcess.AnswersItsFingerprint", {});
  ASSERT_TRUE(same.ok()) << same.status();
  EXPECT_EQ(own->hex(), *same);

  // Another kernel is another engine.
  const std::vector<std::string> changed = {"OPENBLAS_CORETYPE=Prescott"};
  const absl::StatusOr<std::string> other = AskChild("FreshProcess.AnswersItsFingerprint", changed);
  ASSERT_TRUE(other.ok()) << other.status();
  EXPECT_NE(own->hex(), *other);
}

TEST(SelfTest, MeasuresTrainingSpeed) {
  const absl::StatusOr<double> speed =
      MeasureSamplesPerSecond(ModelFamily::kMlp, CpuDevice(), 32, 20);
  ASSERT_TRUE(speed.ok()) << speed.status();
  EXPECT_GT(*speed, 0);
}

TEST(DeviceTest, NamesTheProcessorAndItsMemory) {
  const Device device = CpuDevice();
  EXPECT_EQ(device.kind, DeviceKind::kCpu);
  EXPECT_FALSE(device.name.empty());
  EXPECT_GT(device.memory_bytes, uint64_t{1} << 28);
  EXPECT_FALSE(DetectDevice().name.empty());
}

}  // namespace
}  // namespace tessera::worker
