#include "chain/block_header.h"

#include "gtest/gtest.h"
#include "tests/chain/vectors.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::Vectors;

json OsakaBlock() { return Vectors()["headers"].back()["block"]; }

absl::StatusCode CodeWith(std::string_view key, const json& value) {
  json block = OsakaBlock();
  block[std::string(key)] = value;
  return BlockHeaderFromJson(block).status().code();
}

TEST(BlockHeaderTest, RebuildsTheHeaderOfEveryFork) {
  ASSERT_EQ(Vectors()["headers"].size(), 6u);
  for (const json& row : Vectors()["headers"]) {
    SCOPED_TRACE(row["fork"]);
    const absl::StatusOr<BlockHeader> header = BlockHeaderFromJson(row["block"]);
    ASSERT_TRUE(header.ok()) << header.status();
    EXPECT_EQ(ToHex(header->rlp), row["rlp"]);
    EXPECT_EQ(header->hash.hex(), row["block"]["hash"]);
    EXPECT_EQ(header->parent_hash.hex(), row["block"]["parentHash"]);
    EXPECT_EQ(header->prevrandao.hex(), row["block"]["mixHash"]);
    EXPECT_EQ(header->number, 1u);
    EXPECT_EQ(header->timestamp_s, 1700000012u);
    EXPECT_GT(header->base_fee_wei, 0u);
  }
}

TEST(BlockHeaderTest, IgnoresMembersThatAreNoPartOfAHeader) {
  json block = OsakaBlock();
  block["totalDifficulty"] = "0x0";
  block["fieldOfTheFuture"] = {1, 2, 3};
  EXPECT_TRUE(BlockHeaderFromJson(block).ok());
}

TEST(BlockHeaderTest, RefusesAForgedRandomness) {
  EXPECT_EQ(CodeWith("mixHash", Digest{}.hex()), absl::StatusCode::kDataLoss);
}

TEST(BlockHeaderTest, EveryFieldIsUnderTheHash) {
  const json block = OsakaBlock();
  for (const auto& [key, value] : block.items()) {
    if (!value.is_string() || key == "size" || key == "totalDifficulty") continue;
    SCOPED_TRACE(key);
    std::string changed = value;
    if (changed == "0x") changed = "0x00";  // extraData is empty here.
    changed.back() = changed.back() == '1' ? '2' : '1';
    EXPECT_EQ(CodeWith(key, changed), absl::StatusCode::kDataLoss);
  }
}

TEST(BlockHeaderTest, AFieldMissingInTheMiddleIsAMismatch) {
  json block = OsakaBlock();
  block.erase("withdrawalsRoot");
  EXPECT_EQ(BlockHeaderFromJson(block).status().code(), absl::StatusCode::kDataLoss);
}

TEST(BlockHeaderTest, MissingOrMalformedFieldsAreTheNodesFault) {
  EXPECT_EQ(CodeWith("stateRoot", nullptr), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeWith("number", 1), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeWith("gasUsed", "0x1" + std::string(32, '0')), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeWith("hash", "0x1234"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(BlockHeaderFromJson(json::array()).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tessera::chain
