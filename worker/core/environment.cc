#include "worker/core/environment.h"

#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>

#include "absl/strings/str_cat.h"
#include "base/hash.h"

extern char** environ;

namespace tessera::worker {
namespace {

// Set by the restart, so that a variable that cannot be set does not restart for ever.
constexpr const char* kRestartedVariable = "TESSERA_PINNED_RESTART";

bool HasPinnedVariables(const VariableReader& variables) {
  const std::vector<EnvironmentVariable> pinned = PinnedVariables();
  return std::all_of(pinned.begin(), pinned.end(), [&](const EnvironmentVariable& variable) {
    return variables(variable.name) == variable.value;
  });
}

// The process's environment with the pinned variables and the restart mark in place of what they
// were.
std::vector<std::string> PinnedEnvironment() {
  std::vector<EnvironmentVariable> replaced = PinnedVariables();
  replaced.push_back({kRestartedVariable, "1"});
  std::vector<std::string> environment;
  for (char** entry = environ; *entry != nullptr; ++entry) {
    const std::string_view text(*entry);
    const std::string_view name = text.substr(0, text.find('='));
    const bool kept = std::none_of(replaced.begin(), replaced.end(),
                                   [&](const auto& variable) { return variable.name == name; });
    if (kept) environment.emplace_back(text);
  }
  for (const EnvironmentVariable& variable : replaced) {
    environment.push_back(absl::StrCat(variable.name, "=", variable.value));
  }
  return environment;
}

}  // namespace

std::vector<EnvironmentVariable> PinnedVariables() {
  return {
      {"OMP_NUM_THREADS", "1"},
      {"OPENBLAS_NUM_THREADS", "1"},
      {"MKL_NUM_THREADS", "1"},
      {"OPENBLAS_CORETYPE", "Haswell"},
      {"MKL_CBWR", "AVX2,STRICT"},
      {"ATEN_CPU_CAPABILITY", "avx2"},
      // oneDNN reads either prefix, depending on its version.
      {"ONEDNN_MAX_CPU_ISA", "AVX2"},
      {"DNNL_MAX_CPU_ISA", "AVX2"},
      {"ONEDNN_DEFAULT_FPMATH_MODE", "STRICT"},
      {"DNNL_DEFAULT_FPMATH_MODE", "STRICT"},
  };
}

VariableReader ProcessVariables() {
  return [](std::string_view name) -> std::optional<std::string> {
    const char* value = std::getenv(std::string(name).c_str());
    if (value == nullptr) return std::nullopt;
    return std::string(value);
  };
}

CpuFeatures DetectCpuFeatures() {
#if defined(__x86_64__)
  return {.avx2 = __builtin_cpu_supports("avx2") != 0, .fma = __builtin_cpu_supports("fma") != 0};
#else
  return {};
#endif
}

EngineClass DetectEngineClass(const CpuFeatures& cpu, const VariableReader& variables) {
  const bool pinned = cpu.avx2 && cpu.fma && HasPinnedVariables(variables);
  return pinned ? EngineClass::kPinned : EngineClass::kVendor;
}

absl::Status ReexecInPinnedEnvironment(char* const* argv) {
  const CpuFeatures cpu = DetectCpuFeatures();
  if (!cpu.avx2 || !cpu.fma) {
    return absl::FailedPreconditionError(
        "the pinned engine class needs a processor with AVX2 and FMA");
  }
  if (HasPinnedVariables(ProcessVariables())) return absl::OkStatus();
  if (std::getenv(kRestartedVariable) != nullptr) {
    return absl::FailedPreconditionError(absl::StrCat(
        "pinned variables were changed after the restart (fix: unset ", kRestartedVariable, ")"));
  }
  std::vector<std::string> environment = PinnedEnvironment();
  std::vector<char*> entries;
  for (std::string& entry : environment) entries.push_back(entry.data());
  entries.push_back(nullptr);
  execve("/proc/self/exe", argv, entries.data());
  return absl::InternalError(absl::StrCat("cannot restart /proc/self/exe: ", std::strerror(errno)));
}

Digest EngineFingerprint(EngineClass engine_class, std::string_view engine,
                         const VariableReader& variables, const Digest& self_test) {
  ByteWriter writer;
  writer.Tag("tessera/v1/engine").Be(static_cast<uint32_t>(engine_class)).Tag(engine);
  for (const EnvironmentVariable& variable : PinnedVariables()) {
    writer.Tag(variable.name).Tag(variables(variable.name).value_or(""));
  }
  writer.Raw(self_test.view());
  return Sha256(writer.bytes());
}

}  // namespace tessera::worker
