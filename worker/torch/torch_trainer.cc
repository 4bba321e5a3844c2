#include "worker/torch/torch_trainer.h"

#include <ATen/Parallel.h>
#include <ATen/core/grad_mode.h>
#include <torch/csrc/autograd/autograd.h>
#include <torch/version.h>

#include <array>
#include <cmath>
#include <exception>
#include <numeric>
#include <type_traits>

#include "absl/strings/str_cat.h"
#include "base/status_macros.h"
#include "worker/torch/network.h"

namespace tessera::worker {
namespace {

constexpr uint32_t kSampleBytes = 28 * 28;
constexpr uint16_t kClasses = 10;
constexpr uint32_t kEvaluationBatch = 500;
constexpr float kPixelMean = 0.2860f;
constexpr float kPixelDeviation = 0.3530f;

// Normalised value of every byte.
std::array<float, 256> PixelTable() {
  std::array<float, 256> table;
  for (size_t byte = 0; byte < table.size(); ++byte) {
    table[byte] = (static_cast<float>(byte) / 255.0f - kPixelMean) / kPixelDeviation;
  }
  return table;
}

// Runs `body`, which calls libtorch; what it throws becomes Internal. libtorch throws c10::Error
// for most failures and bare std::runtime_error for some.
template <class Body>
std::invoke_result_t<Body> WithoutExceptions(const std::string& what, Body body) {
  try {
    return body();
  } catch (const std::exception& error) {
    const std::string message = error.what();
    return absl::InternalError(
        absl::StrCat("libtorch, ", what, ": ", message.substr(0, message.find('\n'))));
  }
}

absl::Status Diverged(uint64_t step, const char* what) {
  return absl::OutOfRangeError(
      absl::StrCat("training diverged: ", what, " is not finite at step ", step));
}

}  // namespace

class TorchTrainer::Engine {
 public:
  Engine(ModelFamily family, const Device& device)
      : family_(family),
        device_(device.kind == DeviceKind::kCuda ? at::Device(at::kCUDA, 0) : at::Device(at::kCPU)),
        shape_{ParameterCount(family), kSampleBytes, kClasses},
        pixel_table_(PixelTable()) {}

  const TrainerShape& shape() const { return shape_; }

  absl::StatusOr<SegmentResult> RunSteps(const TrainingState& start, const DataShard& shard,
                                         const Assignment& assignment, uint64_t steps) {
    const at::Tensor parameters = ToDevice(start.parameters);
    const at::Tensor momentum = ToDevice(start.momentum);
    const std::vector<at::Tensor> leaves = ParameterLeaves(family_, parameters);
    double loss_sum = 0;
    for (uint64_t step = start.step; step < start.step + steps; ++step) {
      const std::vector<uint32_t> batch =
          assignment.Batch(step, static_cast<uint32_t>(shard.samples()));
      const auto [pixels, labels] = Gather(shard, batch);
      const at::Tensor loss = at::cross_entropy_loss(Forward(family_, leaves, pixels), labels);
      const double loss_value = loss.item<double>();
      if (!std::isfinite(loss_value)) return Diverged(step, "loss");
      loss_sum += loss_value;
      Descend(Gradient(loss, leaves), assignment.spec, parameters, momentum);
    }
    if (!at::isfinite(parameters).all().item<bool>() ||
        !at::isfinite(momentum).all().item<bool>()) {
      return Diverged(start.step + steps - 1, "a parameter");
    }
    return SegmentResult{.end = {start.step + steps, ToVector(parameters), ToVector(momentum)},
                         .mean_loss = steps == 0 ? 0 : loss_sum / static_cast<double>(steps)};
  }

  absl::StatusOr<Evaluation> Evaluate(std::span<const float> parameters, const DataShard& shard) {
    const at::NoGradGuard no_gradients;
    const std::vector<at::Tensor> leaves = ParameterLeaves(family_, ToDevice(parameters));
    Evaluation sum{.samples = shard.samples()};
    std::vector<uint32_t> batch;
    for (size_t begin = 0; begin < shard.samples(); begin += kEvaluationBatch) {
      batch.resize(std::min<size_t>(kEvaluationBatch, shard.samples() - begin));
      std::iota(batch.begin(), batch.end(), static_cast<uint32_t>(begin));
      const auto [pixels, labels] = Gather(shard, batch);
      const at::Tensor logits = Forward(family_, leaves, pixels);
      sum.loss += at::cross_entropy_loss(logits, labels, {}, at::Reduction::Sum).item<double>();
      sum.accuracy += logits.argmax(1).eq(labels).sum().item<double>();
    }
    if (!std::isfinite(sum.loss)) return absl::OutOfRangeError("loss of the model is not finite");
    const auto samples = static_cast<double>(shard.samples());
    return Evaluation{sum.loss / samples, sum.accuracy / samples, shard.samples()};
  }

 private:
  struct Minibatch {
    at::Tensor pixels;  // (batch, 784) normalised
    at::Tensor labels;  // (batch) int64
  };

  // A copy of `values` on the device.
  at::Tensor ToDevice(std::span<const float> values) const {
    at::Tensor tensor = at::empty({static_cast<int64_t>(values.size())}, at::kFloat);
    std::copy(values.begin(), values.end(), tensor.data_ptr<float>());
    return tensor.to(device_);
  }

  static std::vector<float> ToVector(const at::Tensor& tensor) {
    const at::Tensor host = tensor.to(at::kCPU).contiguous();
    const float* data = host.data_ptr<float>();
    return {data, data + host.numel()};
  }

  Minibatch Gather(const DataShard& shard, std::span<const uint32_t> batch) const {
    const auto count = static_cast<int64_t>(batch.size());
    const at::Tensor pixels = at::empty({count, kSampleBytes}, at::kFloat);
    const at::Tensor labels = at::empty({count}, at::kLong);
    float* pixel = pixels.data_ptr<float>();
    int64_t* label = labels.data_ptr<int64_t>();
    for (const uint32_t sample : batch) {
      const uint8_t* bytes = shard.pixels.data() + size_t{sample} * kSampleBytes;
      for (uint32_t i = 0; i < kSampleBytes; ++i) *pixel++ = pixel_table_[bytes[i]];
      *label++ = shard.labels[sample];
    }
    return {pixels.to(device_), labels.to(device_)};
  }

  // Gradients of `loss` in the order of the flat parameter vector, (dimension).
  static at::Tensor Gradient(const at::Tensor& loss, const std::vector<at::Tensor>& leaves) {
    std::vector<at::Tensor> gradients = torch::autograd::grad({loss}, leaves);
    for (at::Tensor& gradient : gradients) gradient = gradient.reshape(-1);
    return at::cat(gradients);
  }

  // v = mu * v + g; p = p - lr * v. Separate operations, so that each rounds once: no fused
  // multiply-add.
  static void Descend(const at::Tensor& gradient, const JobSpec& spec, const at::Tensor& parameters,
                      const at::Tensor& momentum) {
    const at::NoGradGuard no_gradients;
    momentum.mul_(static_cast<double>(spec.inner_momentum)).add_(gradient);
    parameters.sub_(momentum.mul(static_cast<double>(spec.inner_learning_rate)));
  }

  const ModelFamily family_;
  const at::Device device_;
  const TrainerShape shape_;
  const std::array<float, 256> pixel_table_;
};

TorchTrainer::TorchTrainer(std::unique_ptr<Engine> engine) : engine_(std::move(engine)) {}
TorchTrainer::~TorchTrainer() = default;

absl::StatusOr<std::unique_ptr<TorchTrainer>> TorchTrainer::Create(ModelFamily family,
                                                                   const Device& device) {
  if (family != ModelFamily::kMlp && family != ModelFamily::kConvNet) {
    return absl::InvalidArgumentError(
        absl::StrCat("unknown model family ", static_cast<int>(family)));
  }
  return WithoutExceptions("start", [&]() -> absl::StatusOr<std::unique_ptr<TorchTrainer>> {
    at::set_num_threads(1);
    at::globalContext().setDeterministicAlgorithms(true, /*warn_only=*/true);
    at::globalContext().setBenchmarkCuDNN(false);
    at::globalContext().setAllowTF32CuBLAS(false);
    at::globalContext().setAllowTF32CuDNN(false);
    return std::unique_ptr<TorchTrainer>(
        new TorchTrainer(std::make_unique<Engine>(family, device)));
  });
}

uint64_t TorchTrainer::dimension() const { return engine_->shape().dimension; }

absl::StatusOr<SegmentResult> TorchTrainer::RunSteps(const TrainingState& start,
                                                     const DataShard& shard,
                                                     const Assignment& assignment, uint64_t steps) {
  RETURN_IF_ERROR(CheckTrainingInput(start, shard, assignment, steps, engine_->shape()));
  return WithoutExceptions(absl::StrCat("steps from ", start.step),
                           [&] { return engine_->RunSteps(start, shard, assignment, steps); });
}

absl::StatusOr<Evaluation> TorchTrainer::Evaluate(std::span<const float> parameters,
                                                  const DataShard& shard) {
  RETURN_IF_ERROR(CheckShard(shard, engine_->shape()));
  RETURN_IF_ERROR(CheckParameters(parameters, engine_->shape()));
  return WithoutExceptions("evaluation", [&] { return engine_->Evaluate(parameters, shard); });
}

std::string TorchVersion() { return absl::StrCat("libtorch ", TORCH_VERSION); }

}  // namespace tessera::worker
