// Compiled with -mavx512f: runs only where BestIsa() says so.
#define TESSERA_KERNEL_ISA avx512
#define TESSERA_KERNEL_TABLE kAvx512Kernels
#include "aggregation/kernels/kernels_inl.h"
