#include <gtest/gtest.h>

#include "base/random.h"
#include "tests/protocol/golden.h"

namespace tessera {
namespace {

TEST(Philox, GivesTheGoldenBlocks) {
  for (const golden::Json& golden_case : golden::LoadSection("protocol.json", "philox")) {
    const Philox4x32 random(golden::Decimal(golden_case["key"]));
    EXPECT_EQ(random.Block(golden::Decimal(golden_case["block"])),
              (golden_case["words"].get<std::array<uint32_t, 4>>()));
  }
}

}  // namespace
}  // namespace tessera
