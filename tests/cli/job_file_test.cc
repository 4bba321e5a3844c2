#include "cli/job_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "base/status_macros.h"

namespace tessera::cli {
namespace {

using testing::HasSubstr;

const std::filesystem::path kExample =
    std::filesystem::path(TESSERA_SOURCE_DIR) / "examples/fashion_mnist/job.yaml";

// The example with one piece of its text replaced.
std::string Example(const std::string& from = "", const std::string& to = "") {
  std::string text(AsText(*ReadFile(kExample)));
  if (from.empty()) return text;
  const size_t at = text.find(from);
  EXPECT_NE(at, std::string::npos) << from;
  return text.replace(at, from.size(), to);
}

std::string Refusal(const std::string& yaml) {
  const absl::Status status = ParseJobFile(yaml).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kInvalidArgument);
  return std::string(MessageOf(status));
}

TEST(JobFile, ReadsTheExample) {
  const absl::StatusOr<JobSpec> spec = LoadJobFile(kExample);
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->name, "fashion-mnist");
  EXPECT_EQ(spec->family, ModelFamily::kConvNet);
  EXPECT_EQ(spec->rounds, 10u);
  EXPECT_EQ(spec->rule, AggregationRule::kNearestNeighbourMixing);
  EXPECT_EQ(spec->audit_ppm, 250'000u);
  EXPECT_TRUE(spec->engine_fingerprint.is_zero());
  EXPECT_EQ(spec->training_timeout_ms, 120'000u);
  EXPECT_EQ(spec->update_reward.ToTokenString(), "1");
  EXPECT_EQ(spec->audit_reward.ToTokenString(), "0.2");
  EXPECT_EQ(spec->stake_min.ToTokenString(), "100");
  EXPECT_FLOAT_EQ(spec->inner_learning_rate, 0.05F);
  EXPECT_TRUE(spec->manifest_root.is_zero());
}

TEST(JobFile, TakesAFingerprint) {
  const std::string fingerprint = "0x" + std::string(64, 'a');
  const auto spec = ParseJobFile(
      Example("engine_fingerprint: none", "engine_fingerprint: \"" + fingerprint + "\""));
  ASSERT_TRUE(spec.ok()) << spec.status();
  EXPECT_EQ(spec->engine_fingerprint.hex(), fingerprint);
}

TEST(JobFile, NamesUnknownKeysAndTheNearestKnownOne) {
  EXPECT_THAT(Refusal(Example("  rounds: 10", "  round: 10")),
              AllOf(HasSubstr("unknown key 'training.round'"), HasSubstr("'rounds'"),
                    HasSubstr("line 13")));
  EXPECT_THAT(Refusal(Example("stake:", "steak:")),
              AllOf(HasSubstr("unknown key 'steak'"), HasSubstr("'stake'")));
  EXPECT_THAT(Refusal("entirely_different: 1\n"), Not(HasSubstr("did you mean")));
}

TEST(JobFile, NamesMissingAndRepeatedKeys) {
  EXPECT_THAT(Refusal(Example("  byzantine: 2 ", "  # ")),
              HasSubstr("key 'aggregation.byzantine' is missing"));
  EXPECT_THAT(Refusal(Example("  byzantine: 2 ", "  byzantine: 2\n  byzantine: 1 ")),
              HasSubstr("key 'aggregation.byzantine' stands twice"));
}

TEST(JobFile, NamesValuesOfAnotherKind) {
  EXPECT_THAT(Refusal(Example("rounds: 10", "rounds: ten")), HasSubstr("training.rounds: 'ten'"));
  EXPECT_THAT(Refusal(Example("rounds: 10", "rounds: -1")), HasSubstr("training.rounds"));
  EXPECT_THAT(Refusal(Example("rounds: 10", "rounds: 4294967296")), HasSubstr("too large"));
  EXPECT_THAT(Refusal(Example("rounds: 10", "rounds: [10]")), HasSubstr("must be one value"));
  EXPECT_THAT(Refusal(Example("family: convnet", "family: transformer")),
              HasSubstr("model.family"));
  EXPECT_THAT(Refusal(Example("rule: nearest_neighbour_mixing", "rule: median")),
              HasSubstr("aggregation.rule: 'median'"));
  EXPECT_THAT(Refusal(Example("outer_momentum: 0.6", "outer_momentum: 0.6x")),
              HasSubstr("training.outer_momentum"));
  EXPECT_THAT(Refusal(Example("training: 2m", "training: 120")), HasSubstr("timeouts.training"));
  EXPECT_THAT(Refusal(Example("probability: 25%", "probability: 250%")),
              HasSubstr("audits.probability"));
  EXPECT_THAT(Refusal(Example("update: 1 ", "update: 1.0000000000000000001 ")),
              HasSubstr("rewards.update"));
  EXPECT_THAT(Refusal(Example("engine_fingerprint: none", "engine_fingerprint: 0x12")),
              HasSubstr("audits.engine_fingerprint"));
}

TEST(JobFile, RefusesValuesOutsideTheirRange) {
  EXPECT_THAT(Refusal(Example("rounds: 10", "rounds: 0")), HasSubstr("rounds is 0"));
  EXPECT_THAT(Refusal(Example("byzantine: 2", "byzantine: 3")), HasSubstr("byzantine is 3"));
  EXPECT_THAT(Refusal(Example("inner_momentum: 0.9", "inner_momentum: nan")),
              HasSubstr("inner_momentum"));
  EXPECT_THAT(Refusal(Example("reveal: 30s", "reveal: 25h")), HasSubstr("reveal_timeout_ms"));
  EXPECT_THAT(Refusal(Example("name: fashion-mnist", "name: Fashion MNIST")), HasSubstr("name"));
}

TEST(JobFile, RefusesWhatIsNoMapOfKeys) {
  EXPECT_THAT(Refusal(""), HasSubstr("must hold keys"));
  EXPECT_THAT(Refusal("- a\n- b\n"), HasSubstr("must hold keys"));
  EXPECT_THAT(Refusal("name: [unclosed"), HasSubstr("not YAML"));
  EXPECT_THAT(Refusal(Example("stake:\n  min: 100", "stake: 100")),
              HasSubstr("stake must hold keys"));
}

TEST(JobFile, NamesAnAbsentFile) {
  EXPECT_EQ(LoadJobFile("/nonexistent/job.yaml").status().code(), absl::StatusCode::kNotFound);
}

}  // namespace
}  // namespace tessera::cli
