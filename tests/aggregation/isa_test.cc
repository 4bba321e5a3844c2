#include "aggregation/isa.h"

#include <gtest/gtest.h>

#include "aggregation/kernels/kernels.h"

namespace tessera::aggregation {
namespace {

TEST(IsaTest, PortableKernelsAreAlwaysToBeHad) {
  EXPECT_EQ(&KernelsUpTo(Isa::kPortable), &kPortableKernels);
}

TEST(IsaTest, NeverExceedsTheProcessor) {
  EXPECT_EQ(&KernelsUpTo(Isa::kAvx512), &KernelsUpTo(BestIsa()));
}

TEST(IsaTest, NamesAreDistinct) {
  EXPECT_EQ(IsaName(Isa::kPortable), "portable");
  EXPECT_EQ(IsaName(Isa::kAvx2), "avx2");
  EXPECT_EQ(IsaName(Isa::kAvx512), "avx512");
}

}  // namespace
}  // namespace tessera::aggregation
