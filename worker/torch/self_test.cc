#include "worker/torch/self_test.h"

#include <chrono>

#include "absl/strings/str_cat.h"
#include "base/hash.h"
#include "base/random.h"
#include "base/status_macros.h"
#include "worker/core/environment.h"
#include "worker/torch/torch_trainer.h"

namespace tessera::worker {
namespace {

constexpr uint64_t kSeed = 20;
constexpr uint32_t kSamples = 256;
constexpr uint32_t kSampleBytes = 28 * 28;
constexpr uint16_t kClasses = 10;
constexpr uint32_t kSelfTestSteps = 4;
// Kernels may block differently for different batches; these cover odd, small and usual ones.
constexpr uint32_t kSelfTestBatches[] = {7, 32, 64};

DataShard MadeUpShard() {
  const Philox4x32 random(kSeed);
  DataShard shard;
  shard.classes = kClasses;
  shard.sample_bytes = kSampleBytes;
  for (uint32_t i = 0; i < kSamples; ++i) {
    shard.labels.push_back(static_cast<uint8_t>(random.Word(i) % kClasses));
  }
  for (uint64_t i = 0; i < uint64_t{kSamples} * kSampleBytes; ++i) {
    shard.pixels.push_back(static_cast<uint8_t>(random.Word(kSamples + i) >> 24));
  }
  return shard;
}

Assignment MadeUpAssignment(ModelFamily family, uint32_t batch_size) {
  Assignment assignment;
  assignment.spec.family = family;
  assignment.spec.local_steps = UINT32_MAX;
  assignment.spec.batch_size = batch_size;
  assignment.spec.inner_learning_rate = 0.01f;
  assignment.spec.inner_momentum = 0.9f;
  return assignment;
}

// The state roots of all families and batches, one after the other.
absl::StatusOr<Bytes> TrainAll(const Device& device, const DataShard& shard) {
  ByteWriter roots;
  for (const ModelFamily family : {ModelFamily::kMlp, ModelFamily::kConvNet}) {
    ASSIGN_OR_RETURN(const std::unique_ptr<TorchTrainer> trainer,
                     TorchTrainer::Create(family, device));
    TrainingState state = InitialState(InitialParameters(family, kSeed));
    for (const uint32_t batch_size : kSelfTestBatches) {
      ASSIGN_OR_RETURN(
          SegmentResult segment,
          trainer->RunSteps(state, shard, MadeUpAssignment(family, batch_size), kSelfTestSteps));
      state = std::move(segment.end);
      roots.Raw(ComputeStateRoot(state).view());
    }
  }
  return std::move(roots).Take();
}

}  // namespace

absl::StatusOr<Digest> RunSelfTest(const Device& device) {
  const DataShard shard = MadeUpShard();
  const absl::StatusOr<Bytes> first = TrainAll(device, shard);
  const absl::StatusOr<Bytes> second = TrainAll(device, shard);
  for (const absl::Status& status : {first.status(), second.status()}) {
    if (!status.ok()) {
      return absl::InternalError(
          absl::StrCat("self-test on ", device.name, ": ", status.message()));
    }
  }
  if (device.kind == DeviceKind::kCpu && *first != *second) {
    return absl::InternalError(
        absl::StrCat("self-test: ", device.name, " does not repeat its own bits"));
  }
  return Sha256(*first);
}

absl::StatusOr<Digest> TorchFingerprint(EngineClass engine_class, const Device& device) {
  ASSIGN_OR_RETURN(const Digest self_test, RunSelfTest(device));
  return EngineFingerprint(engine_class, TorchVersion(), ProcessVariables(), self_test);
}

absl::StatusOr<double> MeasureSamplesPerSecond(ModelFamily family, const Device& device,
                                               uint32_t batch_size, int64_t duration_ms) {
  using SteadyClock = std::chrono::steady_clock;
  ASSIGN_OR_RETURN(const std::unique_ptr<TorchTrainer> trainer,
                   TorchTrainer::Create(family, device));
  const DataShard shard = MadeUpShard();
  const Assignment assignment = MadeUpAssignment(family, batch_size);
  const TrainingState start = InitialState(InitialParameters(family, kSeed));
  // The first step loads kernels; it is not counted.
  RETURN_IF_ERROR(trainer->RunSteps(start, shard, assignment, 1).status());
  const SteadyClock::time_point begin = SteadyClock::now();
  uint64_t steps = 0;
  std::chrono::duration<double> elapsed{};
  do {
    RETURN_IF_ERROR(trainer->RunSteps(start, shard, assignment, kSelfTestSteps).status());
    steps += kSelfTestSteps;
    elapsed = SteadyClock::now() - begin;
  } while (elapsed < std::chrono::milliseconds(duration_ms));
  return static_cast<double>(steps * batch_size) / elapsed.count();
}

}  // namespace tessera::worker
