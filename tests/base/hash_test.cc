#include "base/hash.h"

#include <gtest/gtest.h>

namespace tessera {
namespace {

// FIPS 180-4 examples.
TEST(Sha256, GivesThePublishedAnswers) {
  EXPECT_EQ(Sha256({}).hex(), "0xe3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  EXPECT_EQ(Sha256(AsBytes("abc")).hex(),
            "0xba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  EXPECT_EQ(Sha256(AsBytes("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq")).hex(),
            "0x248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
}

TEST(Sha256Hasher, GivesTheSameForEverySplit) {
  Bytes bytes(200);
  for (size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<uint8_t>(i);
  Sha256Hasher hasher;
  for (size_t split = 0; split <= bytes.size(); ++split) {
    const ByteView all(bytes);
    EXPECT_EQ(hasher.Update(all.first(split)).Update(all.subspan(split)).Finish(), Sha256(bytes));
  }
}

TEST(Sha256Hasher, StartsAnewAfterFinishAndAfterAMove) {
  Sha256Hasher first;
  EXPECT_EQ(first.Finish(), Sha256({}));
  first.Update(AsBytes("ab"));
  Sha256Hasher second = std::move(first);
  EXPECT_EQ(second.Update(AsBytes("c")).Finish(), Sha256(AsBytes("abc")));
}

// As geth and Solidity give them: the padding of Keccak's submission, not that of SHA-3.
TEST(Keccak256, GivesEthereumsAnswers) {
  EXPECT_EQ(Keccak256({}).hex(),
            "0xc5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470");
  EXPECT_EQ(Keccak256(AsBytes("abc")).hex(),
            "0x4e03657aea45a94fc7d47ba826c8d667c0d1e6e33a64a036ec44f58fa12d6c45");
  EXPECT_EQ(Keccak256(AsBytes("transfer(address,uint256)")).short_hex(), "0xa9059cbb");
}

}  // namespace
}  // namespace tessera
