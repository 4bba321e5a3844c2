// tessera-worker: joins a job, tests its engine, or evaluates a model.

#include <CLI/CLI.hpp>
#include <iostream>
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/idx_dataset.h"
#include "protocol/blob_format.h"
#include "worker/core/environment.h"
#include "worker/join.h"
#include "worker/torch/device.h"
#include "worker/torch/self_test.h"
#include "worker/torch/torch_trainer.h"

namespace tessera::worker {
namespace {

constexpr uint32_t kBenchmarkBatch = 32;
constexpr int64_t kBenchmarkMs = 1'000;

enum class Output { kText, kJson };

absl::Status SelfTest(const std::string& family_name, Output output) {
  ASSIGN_OR_RETURN(const ModelFamily family, ParseModelFamily(family_name));
  const EngineClass engine_class = DetectEngineClass(DetectCpuFeatures(), ProcessVariables());
  const Device device = engine_class == EngineClass::kPinned ? CpuDevice() : DetectDevice();
  ASSIGN_OR_RETURN(const Digest fingerprint, TorchFingerprint(engine_class, device));
  ASSIGN_OR_RETURN(const double speed,
                   MeasureSamplesPerSecond(family, device, kBenchmarkBatch, kBenchmarkMs));
  const char* class_name = engine_class == EngineClass::kPinned ? "pinned" : "vendor";
  if (output == Output::kJson) {
    std::cout << nlohmann::ordered_json({{"engine", TorchVersion()},
                                         {"engine_class", class_name},
                                         {"engine_fingerprint", fingerprint.hex()},
                                         {"device", device.name},
                                         {"samples_per_second", speed}})
                     .dump(2)
              << "\n";
  } else {
    std::cout << "engine       " << TorchVersion() << ", " << class_name << " class\n"
              << "fingerprint  " << fingerprint.hex() << "\n"
              << "device       " << device.name << "\n"
              << "speed        " << static_cast<int64_t>(speed) << " samples/s\n";
  }
  return absl::OkStatus();
}

struct EvaluateOptions {
  std::string model;
  std::string images;
  std::string labels;
  std::string family = "convnet";
};

absl::Status Evaluate(const EvaluateOptions& options, Output output) {
  ASSIGN_OR_RETURN(const ModelFamily family, ParseModelFamily(options.family));
  ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(options.model));
  ASSIGN_OR_RETURN(const std::vector<float> parameters, DecodeModel(bytes, ParameterCount(family)));
  ASSIGN_OR_RETURN(const DataShard test, cli::LoadIdx(options.images, options.labels));
  ASSIGN_OR_RETURN(const std::unique_ptr<TorchTrainer> trainer,
                   TorchTrainer::Create(family, CpuDevice()));
  ASSIGN_OR_RETURN(const Evaluation result, trainer->Evaluate(parameters, test));
  if (output == Output::kJson) {
    std::cout << nlohmann::ordered_json({{"accuracy", result.accuracy},
                                         {"loss", result.loss},
                                         {"samples", result.samples}})
                     .dump(2)
              << "\n";
  } else {
    std::cout << "accuracy  " << result.accuracy << "\nloss      " << result.loss << "\nsamples   "
              << result.samples << "\n";
  }
  return absl::OkStatus();
}

int Report(const absl::Status& done) {
  if (done.ok()) return 0;
  std::cerr << "tessera-worker: " << MessageOf(done) << "\n";
  return absl::IsInvalidArgument(done) ? 2 : absl::IsNotFound(done) ? 3 : 1;
}

int Main(int argc, char** argv) {
  CLI::App app("tessera-worker: trains shards of a job and audits others, for pay.",
               "tessera-worker");
  app.require_subcommand(1);
  app.set_version_flag("--version", "tessera-worker 0.1.0");
  std::string engine = "pinned";
  app.add_option("--engine", engine,
                 "pinned: bit-exact, paid in full, slashable; vendor: whatever this machine has, "
                 "never slashed")
      ->capture_default_str()
      ->check(CLI::IsMember({"pinned", "vendor"}));
  app.footer(
      "Examples:\n"
      "  tessera keys new --key worker.key\n"
      "  tessera-worker join --coordinator train.example.org:7443 --key worker.key --data-dir "
      "~/.tessera\n"
      "  tessera-worker self-test --json\n"
      "  tessera-worker evaluate --model model.bin --images t10k-images-idx3-ubyte --labels "
      "t10k-labels-idx1-ubyte");

  CLI::App* join = app.add_subcommand("join",
                                      "Join a job and work until it is over. Ending it at any time "
                                      "is safe; the same command resumes.");
  JoinCommand join_command(*join);

  bool json = false;
  std::string family = "convnet";
  CLI::App* self_test =
      app.add_subcommand("self-test", "Test and time the engine; print its fingerprint.");
  self_test->add_flag("--json", json, "Print JSON");
  self_test->add_option("--family", family, "mlp or convnet")->capture_default_str();

  EvaluateOptions evaluate_options;
  CLI::App* evaluate =
      app.add_subcommand("evaluate", "Accuracy and loss of a model on a labelled set.");
  evaluate
      ->add_option("--model", evaluate_options.model,
                   "Model file, as 'tessera job fetch-model' writes it")
      ->required();
  evaluate->add_option("--images", evaluate_options.images, "IDX images, plain or .gz")->required();
  evaluate->add_option("--labels", evaluate_options.labels, "IDX labels, plain or .gz")->required();
  evaluate->add_option("--family", evaluate_options.family, "mlp or convnet")
      ->capture_default_str();
  evaluate->add_flag("--json", json, "Print JSON");

  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& error) {
    return app.exit(error) == 0 ? 0 : 2;
  }
  if (engine == "pinned") {
    if (const absl::Status pinned = ReexecInPinnedEnvironment(argv); !pinned.ok()) {
      std::cerr << "tessera-worker: not in the pinned class (" << MessageOf(pinned)
                << "); going on as vendor class\n";
    }
  }
  const Output output = json ? Output::kJson : Output::kText;
  if (self_test->parsed()) return Report(SelfTest(family, output));
  if (evaluate->parsed()) return Report(Evaluate(evaluate_options, output));
  HonestStrategy honest;
  return join_command.Run(honest);
}

}  // namespace
}  // namespace tessera::worker

int main(int argc, char** argv) { return tessera::worker::Main(argc, argv); }
