// The instruction sets that the column kernels are compiled for.
#pragma once

#include <cstdint>
#include <string_view>

namespace tessera::aggregation {

struct Kernels;

// Ascending capability. Every kernel gives the same bits on all of them.
enum class Isa : uint8_t { kPortable, kAvx2, kAvx512 };

// The best instruction set of this processor.
Isa BestIsa();

// The kernels of the best instruction set of this processor that does not exceed `isa_max`.
const Kernels& KernelsUpTo(Isa isa_max);

// "portable", "avx2" or "avx512".
std::string_view IsaName(Isa isa);

}  // namespace tessera::aggregation
