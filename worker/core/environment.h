// The process environment that fixes an engine's bits, and the digest that says whose bits can be
// compared.
//
// One build of libtorch gives the same bits in every process only while thread counts and
// instruction sets are fixed. The libraries read those from environment variables when they are
// loaded, before main: setting them in main is too late, so a pinned worker starts itself once more
// with the variables set.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "protocol/ids.h"

namespace tessera::worker {

struct EnvironmentVariable {
  std::string name;
  std::string value;

  friend bool operator==(const EnvironmentVariable&, const EnvironmentVariable&) = default;
};

// One thread, AVX2 kernels in OpenBLAS, ATen, oneDNN and MKL, no reduced precision. In a fixed
// order, without repetition.
std::vector<EnvironmentVariable> PinnedVariables();

// Reads one variable; nothing if unset. In production: std::getenv.
using VariableReader = std::function<std::optional<std::string>(std::string_view)>;
VariableReader ProcessVariables();

// What this processor can run, from cpuid.
struct CpuFeatures {
  bool avx2 = false;
  bool fma = false;
};
CpuFeatures DetectCpuFeatures();

// Pinned iff the processor has AVX2 and FMA and every pinned variable has its value; vendor
// otherwise.
EngineClass DetectEngineClass(const CpuFeatures& cpu, const VariableReader& variables);

// Replaces the process by itself with the pinned variables set, overriding whatever they were;
// returns OK in the process that already has them. Call it first in main, with main's argv
// (null-terminated). FailedPrecondition if the processor lacks AVX2 or FMA, or if the variables
// still differ after one restart; Internal if exec fails.
absl::Status ReexecInPinnedEnvironment(char* const* argv);

// SHA-256 of the class, the engine's name and version, the pinned variables' values in force, and
// the digest of a small training that the engine ran at start: two workers compare bits only if
// these digests are equal.
Digest EngineFingerprint(EngineClass engine_class, std::string_view engine,
                         const VariableReader& variables, const Digest& self_test);

}  // namespace tessera::worker
