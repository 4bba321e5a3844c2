#include "base/random.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <thread>

namespace tessera {
namespace {

using testing::ElementsAre;

// The first of the known answers that Random123 publishes; more in tests/vectors/protocol.json.
TEST(Philox, GivesThePublishedAnswer) {
  EXPECT_THAT(Philox4x32(0).Block(0), ElementsAre(0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8));
}

TEST(Philox, WordIsALaneOfItsBlock) {
  const Philox4x32 random(0x0123456789abcdef);
  for (uint64_t index : {uint64_t{0}, uint64_t{3}, uint64_t{4}, uint64_t{7}, UINT64_MAX}) {
    EXPECT_EQ(random.Word(index), random.Block(index / 4)[index % 4]) << index;
  }
}

TEST(Philox, UsesAllOfKeyAndCounter) {
  const auto base = Philox4x32(5).Block(9);
  EXPECT_NE(Philox4x32(5 + (uint64_t{1} << 32)).Block(9), base);
  EXPECT_NE(Philox4x32(5).Block(9 + (uint64_t{1} << 32)), base);
}

TEST(SecureRandom, FillsFromManyThreads) {
  std::vector<Digest> drawn(16);
  std::vector<std::thread> threads;
  for (Digest& digest : drawn) {
    threads.emplace_back([&] { FillSecureRandom({digest.data(), digest.size()}); });
  }
  for (std::thread& thread : threads) thread.join();
  std::sort(drawn.begin(), drawn.end());
  EXPECT_EQ(std::adjacent_find(drawn.begin(), drawn.end()), drawn.end());
  EXPECT_FALSE(drawn.front().is_zero());
}

}  // namespace
}  // namespace tessera
