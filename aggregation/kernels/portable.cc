// The baseline of the target machine.
#define TESSERA_KERNEL_ISA portable
#define TESSERA_KERNEL_TABLE kPortableKernels
#include "aggregation/kernels/kernels_inl.h"
