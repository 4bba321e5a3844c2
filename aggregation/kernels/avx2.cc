// Compiled with -mavx2: runs only where BestIsa() says so.
#define TESSERA_KERNEL_ISA avx2
#define TESSERA_KERNEL_TABLE kAvx2Kernels
#include "aggregation/kernels/kernels_inl.h"
