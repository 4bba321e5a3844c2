// A whole job in one process, to choose its defaults: real shards, trainer, local rounds, codec and
// aggregation; no network, no chain. In round 0 the last two workers may be a lazy one and a
// poisoner, as in the demonstration.
//
//   federated_study --seed=1 --workers=8 --train_shards=16 --local_steps=200 --inner_lr=0.03 ...
//
// Prints the configuration, then a line a round: test loss and accuracy, norms, processor seconds
// of training. Flags and their defaults are the fields of StudyConfig. It restarts itself in the
// pinned environment (worker/core/environment.h), so a curve repeats to the last digit.
//
// The defaults were chosen with it: test accuracy in % on Fashion-MNIST after rounds 1 to 8, both
// attackers in round 0, libtorch 1.13.1, about 10 processor seconds a round for all eight workers:
//   seed 1:  80.30 85.90 87.13 88.25 88.38 89.23 88.95 89.33
//   seed 2:  80.69 85.74 87.38 88.26 88.79 89.04 89.35 89.21
//   seed 3:  79.59 85.70 87.42 88.39 88.75 89.25 89.40 89.47
#include <cmath>
#include <cstdio>
#include <ctime>
#include <filesystem>
#include <functional>
#include <map>
#include <memory>
#include <string>

#include "absl/strings/numbers.h"
#include "absl/strings/str_cat.h"
#include "aggregation/int4_codec.h"
#include "aggregation/outer_optimizer.h"
#include "aggregation/rule.h"
#include "base/hash.h"
#include "base/status_macros.h"
#include "cli/idx_dataset.h"
#include "protocol/shard_plan.h"
#include "worker/adversary/lazy_strategy.h"
#include "worker/adversary/poisoner_strategy.h"
#include "worker/core/environment.h"
#include "worker/core/local_round.h"
#include "worker/torch/torch_trainer.h"

namespace tessera::worker {
namespace {

struct StudyConfig {
  std::string data = "/usr/share/datasets/fashion-mnist";
  std::string model = "convnet";
  std::string rule = "nearest_neighbour_mixing_trimmed_mean";
  std::string clip = "twice_median_norm";  // Or "none".
  uint32_t seed = 1;                       // Of the model, the shards and the workers' ids.
  uint32_t rounds = 8;
  uint32_t workers = 8;
  uint32_t attackers = 2;  // In round 0 only: 0, 1 (lazy) or 2 (lazy, poisoner).
  uint32_t byzantine = 2;
  uint32_t train_shards = 16;
  uint32_t local_steps = 200;
  uint32_t segment_steps = 5;
  uint32_t batch = 32;
  double inner_lr = 0.03;
  double inner_momentum = 0.9;
  double outer_lr = 0.8;
  double outer_momentum = 0.5;
  double update_norm_max = 50;
};

double ProcessorSeconds() {
  timespec now{};
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
  return static_cast<double>(now.tv_sec) + 1e-9 * static_cast<double>(now.tv_nsec);
}

double Norm(std::span<const float> values) {
  double sum = 0;
  for (const float value : values) sum += static_cast<double>(value) * value;
  return std::sqrt(sum);
}

// "--name=value" for every field of StudyConfig.
absl::StatusOr<StudyConfig> ParseFlags(std::span<char* const> arguments) {
  StudyConfig config;
  const std::map<std::string, std::string*> texts = {{"data", &config.data},
                                                     {"model", &config.model},
                                                     {"rule", &config.rule},
                                                     {"clip", &config.clip}};
  const std::map<std::string, uint32_t*> integers = {{"seed", &config.seed},
                                                     {"rounds", &config.rounds},
                                                     {"workers", &config.workers},
                                                     {"attackers", &config.attackers},
                                                     {"byzantine", &config.byzantine},
                                                     {"train_shards", &config.train_shards},
                                                     {"batch", &config.batch},
                                                     {"local_steps", &config.local_steps},
                                                     {"segment_steps", &config.segment_steps}};
  const std::map<std::string, double*> reals = {{"inner_lr", &config.inner_lr},
                                                {"inner_momentum", &config.inner_momentum},
                                                {"outer_lr", &config.outer_lr},
                                                {"outer_momentum", &config.outer_momentum},
                                                {"update_norm_max", &config.update_norm_max}};
  for (const std::string argument : arguments) {
    const size_t equals = argument.find('=');
    const bool is_flag = argument.starts_with("--") && equals != std::string::npos;
    const std::string name = is_flag ? argument.substr(2, equals - 2) : "";
    const std::string value = is_flag ? argument.substr(equals + 1) : "";
    bool parsed = false;
    if (texts.contains(name)) {
      *texts.at(name) = value;
      parsed = true;
    } else if (integers.contains(name)) {
      parsed = absl::SimpleAtoi(value, integers.at(name));
    } else if (reals.contains(name)) {
      parsed = absl::SimpleAtod(value, reals.at(name));
    }
    if (!parsed) return absl::InvalidArgumentError(absl::StrCat("cannot read flag ", argument));
  }
  if (config.attackers > 2 || config.attackers > config.workers) {
    return absl::InvalidArgumentError("attackers must be 0, 1 or 2, and at most workers");
  }
  return config;
}

JobSpec ToJobSpec(const StudyConfig& config, ModelFamily family) {
  JobSpec spec;
  spec.name = "federated-study";
  spec.family = family;
  spec.model_seed = config.seed;
  spec.rounds = config.rounds;
  spec.workers_min = config.workers;
  spec.workers_max = config.workers;
  spec.local_steps = config.local_steps;
  spec.segment_steps = config.segment_steps;
  spec.batch_size = config.batch;
  spec.inner_learning_rate = static_cast<float>(config.inner_lr);
  spec.inner_momentum = static_cast<float>(config.inner_momentum);
  spec.outer_learning_rate = static_cast<float>(config.outer_lr);
  spec.outer_momentum = static_cast<float>(config.outer_momentum);
  spec.byzantine = config.byzantine;
  spec.update_norm_max = static_cast<float>(config.update_norm_max);
  return spec;
}

// The job as coordinator and workers would run it, one after the other.
class Study {
 public:
  static absl::StatusOr<std::unique_ptr<Study>> Create(const StudyConfig& config) {
    std::unique_ptr<Study> study(new Study(config));
    RETURN_IF_ERROR(study->Prepare());
    return study;
  }

  // Every worker's local round, the aggregate, the outer step, an evaluation and its line of
  // output.
  absl::Status RunRound(RoundId round) {
    const double begin = ProcessorSeconds();
    double loss_sum = 0;
    std::vector<std::vector<float>> updates;
    for (uint32_t index = 0; index < config_.workers; ++index) {
      ASSIGN_OR_RETURN(const LocalRound local, Train(round, index));
      loss_sum += local.mean_loss;
      ASSIGN_OR_RETURN(std::vector<float> update,
                       aggregation::DecodeUpdate(local.update, parameters_.size()));
      updates.push_back(std::move(update));
    }
    const double training_seconds = ProcessorSeconds() - begin;
    training_seconds_ += training_seconds;
    ASSIGN_OR_RETURN(const std::vector<float> aggregate, Aggregated(updates));
    RETURN_IF_ERROR(outer_->Step(aggregate, parameters_));
    ASSIGN_OR_RETURN(const Evaluation test, trainer_->Evaluate(parameters_, test_));
    std::printf(
        "round %2u  accuracy %.4f  loss %.4f  train loss %.4f  |update| %.3f  |aggregate| "
        "%.3f  cpu %.1f s, %.1f s in all\n",
        static_cast<unsigned>(round + 1), test.accuracy, test.loss, loss_sum / config_.workers,
        Norm(updates.front()), Norm(aggregate), training_seconds, training_seconds_);
    std::fflush(stdout);
    return absl::OkStatus();
  }

 private:
  explicit Study(const StudyConfig& config) : config_(config) {}

  absl::Status Prepare() {
    ASSIGN_OR_RETURN(const ModelFamily family, ParseModelFamily(config_.model));
    spec_ = ToJobSpec(config_, family);
    ASSIGN_OR_RETURN(aggregation_.rule, aggregation::ParseRule(config_.rule));
    aggregation_.byzantine = config_.byzantine;
    aggregation_.clip =
        config_.clip == "none" ? aggregation::Clip::kNone : aggregation::Clip::kTwiceMedianNorm;
    const std::filesystem::path folder = config_.data;
    ASSIGN_OR_RETURN(const DataShard train, cli::LoadIdx(folder / "train-images-idx3-ubyte.gz",
                                                         folder / "train-labels-idx1-ubyte.gz"));
    ASSIGN_OR_RETURN(shards_, cli::SplitIntoShards(train, config_.train_shards, config_.seed));
    ASSIGN_OR_RETURN(test_, cli::LoadIdx(folder / "t10k-images-idx3-ubyte.gz",
                                         folder / "t10k-labels-idx1-ubyte.gz"));
    ASSIGN_OR_RETURN(trainer_, TorchTrainer::Create(family, CpuDevice()));
    parameters_ = InitialParameters(family, config_.seed);
    ASSIGN_OR_RETURN(auto outer,
                     aggregation::NesterovOuterOptimizer::Create(
                         parameters_.size(), {.learning_rate = spec_.outer_learning_rate,
                                              .momentum = spec_.outer_momentum}));
    outer_ = std::make_unique<aggregation::NesterovOuterOptimizer>(std::move(outer));
    return absl::OkStatus();
  }

  // Ids and the job's are digests of the seed, so that shards and batches differ between seeds.
  WorkerId Worker(uint32_t index) const {
    const Digest digest = Sha256(AsBytes(absl::StrCat("worker ", config_.seed, " ", index)));
    return *WorkerId::FromBytes(digest.view().first(WorkerId::kSize));
  }

  UpdateStrategy& Strategy(RoundId round, uint32_t index) {
    if (round == 0 && config_.attackers >= 1 && index + 1 == config_.workers) return lazy_;
    if (round == 0 && config_.attackers >= 2 && index + 2 == config_.workers) return poisoner_;
    return honest_;
  }

  absl::StatusOr<LocalRound> Train(RoundId round, uint32_t index) {
    LocalRoundInput input;
    const Digest job = Sha256(AsBytes(absl::StrCat("job ", config_.seed)));
    input.assignment = {*JobId::FromBytes(job.view()), round, Worker(index), spec_};
    input.base_parameters = parameters_;
    input.shard_index = AssignedShard(input.assignment.job, round, Worker(index),
                                      static_cast<uint32_t>(shards_.size()));
    input.shard = shards_[input.shard_index];
    MemoryStateStore states;
    return RunLocalRound(input, *trainer_, Strategy(round, index), states, {});
  }

  absl::StatusOr<std::vector<float>> Aggregated(
      const std::vector<std::vector<float>>& updates) const {
    ASSIGN_OR_RETURN(const auto matrix,
                     aggregation::UpdateMatrix::Create({updates.begin(), updates.end()}));
    std::vector<float> aggregate(parameters_.size());
    RETURN_IF_ERROR(aggregation::Aggregate(matrix, aggregation_, {}, aggregate).status());
    return aggregate;
  }

  const StudyConfig config_;
  JobSpec spec_;
  aggregation::AggregationConfig aggregation_;
  std::vector<DataShard> shards_;
  DataShard test_;
  std::unique_ptr<TorchTrainer> trainer_;
  std::vector<float> parameters_;
  std::unique_ptr<aggregation::NesterovOuterOptimizer> outer_;
  HonestStrategy honest_;
  adversary::LazyStrategy lazy_;
  adversary::PoisonerStrategy poisoner_;
  double training_seconds_ = 0;
};

absl::Status RunStudy(std::span<char* const> arguments) {
  ASSIGN_OR_RETURN(const StudyConfig config, ParseFlags(arguments));
  std::printf(
      "%s, %s, seed %u: %u workers (f %u), %u shards, H %u x batch %u, inner %g/%g, outer "
      "%g/%g\n",
      config.model.c_str(), config.rule.c_str(), config.seed, config.workers, config.byzantine,
      config.train_shards, config.local_steps, config.batch, config.inner_lr, config.inner_momentum,
      config.outer_lr, config.outer_momentum);
  ASSIGN_OR_RETURN(const std::unique_ptr<Study> study, Study::Create(config));
  for (RoundId round = 0; round < config.rounds; ++round) {
    RETURN_IF_ERROR(Annotate(study->RunRound(round), absl::StrCat("round ", round)));
  }
  return absl::OkStatus();
}

}  // namespace
}  // namespace tessera::worker

int main(int argc, char** argv) {
  absl::Status status = tessera::worker::ReexecInPinnedEnvironment(argv);
  if (status.ok()) {
    status =
        tessera::worker::RunStudy(std::span<char* const>(argv + 1, static_cast<size_t>(argc) - 1));
  }
  if (status.ok()) return 0;
  std::fprintf(stderr, "%s\n", status.ToString().c_str());
  return 1;
}
