#include "worker/core/environment.h"

#include <gtest/gtest.h>

#include <fstream>
#include <iterator>
#include <map>

#include "tests/worker/child_process.h"

namespace tessera::worker {
namespace {

using Variables = std::map<std::string, std::string, std::less<>>;

VariableReader Reader(const Variables& variables) {
  return [variables](std::string_view name) -> std::optional<std::string> {
    const auto found = variables.find(name);
    if (found == variables.end()) return std::nullopt;
    return found->second;
  };
}

Variables Pinned() {
  Variables variables;
  for (const EnvironmentVariable& variable : PinnedVariables()) {
    variables[variable.name] = variable.value;
  }
  return variables;
}

TEST(DetectEngineClassTest, PinnedNeedsEveryVariableAndTheInstructions) {
  const CpuFeatures cpu{.avx2 = true, .fma = true};
  EXPECT_EQ(DetectEngineClass(cpu, Reader(Pinned())), EngineClass::kPinned);
  EXPECT_EQ(DetectEngineClass({.avx2 = true, .fma = false}, Reader(Pinned())),
            EngineClass::kVendor);
  EXPECT_EQ(DetectEngineClass({.avx2 = false, .fma = true}, Reader(Pinned())),
            EngineClass::kVendor);
  for (const EnvironmentVariable& variable : PinnedVariables()) {
    Variables absent = Pinned();
    absent.erase(variable.name);
    EXPECT_EQ(DetectEngineClass(cpu, Reader(absent)), EngineClass::kVendor) << variable.name;
    Variables different = Pinned();
    different[variable.name] += "x";
    EXPECT_EQ(DetectEngineClass(cpu, Reader(different)), EngineClass::kVendor) << variable.name;
  }
}

TEST(EngineFingerprintTest, DependsOnEverythingThatDecidesBits) {
  const Digest self_test(std::array<uint8_t, 32>{1});
  const Digest fingerprint =
      EngineFingerprint(EngineClass::kPinned, "libtorch 1", Reader(Pinned()), self_test);
  EXPECT_EQ(fingerprint,
            EngineFingerprint(EngineClass::kPinned, "libtorch 1", Reader(Pinned()), self_test));
  EXPECT_NE(fingerprint,
            EngineFingerprint(EngineClass::kVendor, "libtorch 1", Reader(Pinned()), self_test));
  EXPECT_NE(fingerprint,
            EngineFingerprint(EngineClass::kPinned, "libtorch 2", Reader(Pinned()), self_test));
  EXPECT_NE(fingerprint,
            EngineFingerprint(EngineClass::kPinned, "libtorch 1", Reader(Pinned()), Digest{}));
  Variables different = Pinned();
  different["OPENBLAS_CORETYPE"] = "SkylakeX";
  EXPECT_NE(fingerprint,
            EngineFingerprint(EngineClass::kPinned, "libtorch 1", Reader(different), self_test));
}

// The arguments of this process, to be handed on.
std::vector<std::string> OwnArguments() {
  std::ifstream file("/proc/self/cmdline", std::ios::binary);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::vector<std::string> arguments;
  for (size_t begin = 0; begin < text.size(); begin = text.find('\0', begin) + 1) {
    arguments.emplace_back(text.c_str() + begin);
  }
  return arguments;
}

TEST(ReexecChild, RestartsItselfAndAnswers) {
  if (!IsChild()) GTEST_SKIP() << "started by ReexecTest only";
  std::vector<std::string> arguments = OwnArguments();
  std::vector<char*> argv;
  for (std::string& argument : arguments) argv.push_back(argument.data());
  argv.push_back(nullptr);
  const absl::Status status = ReexecInPinnedEnvironment(argv.data());
  const EngineClass engine_class = DetectEngineClass(DetectCpuFeatures(), ProcessVariables());
  Answer(status.ToString() + (engine_class == EngineClass::kPinned ? " pinned" : " vendor"));
}

class ReexecTest : public testing::Test {
 protected:
  void SetUp() override {
    const CpuFeatures cpu = DetectCpuFeatures();
    if (!cpu.avx2 || !cpu.fma) GTEST_SKIP() << "no AVX2 or FMA";
  }
  absl::StatusOr<std::string> Ask(const std::vector<std::string>& variables) {
    return AskChild("ReexecChild.RestartsItselfAndAnswers", variables);
  }
};

TEST_F(ReexecTest, OverridesWhatWasSet) {
  const absl::StatusOr<std::string> answer =
      Ask({"OPENBLAS_CORETYPE=Prescott", "OMP_NUM_THREADS=7"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_EQ(*answer, "OK pinned");
}

TEST_F(ReexecTest, DoesNotRestartForEver) {
  const absl::StatusOr<std::string> answer =
      Ask({"OPENBLAS_CORETYPE=Prescott", "TESSERA_PINNED_RESTART=1"});
  ASSERT_TRUE(answer.ok()) << answer.status();
  EXPECT_TRUE(answer->starts_with("FAILED_PRECONDITION")) << *answer;
}

}  // namespace
}  // namespace tessera::worker
