#include "protocol/merkle.h"

#include <gtest/gtest.h>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using absl::StatusCode;
using golden::Json;

std::vector<Digest> Items(size_t count) {
  std::vector<Digest> items;
  for (size_t i = 0; i < count; ++i) items.push_back(Numbered<Digest>(i));
  return items;
}

// The blobs of tests/vectors/protocol.json.
Bytes Pattern(size_t length) {
  Bytes blob(length);
  for (size_t i = 0; i < length; ++i) blob[i] = static_cast<uint8_t>(i * 167 + (i >> 8) * 13);
  return blob;
}

TEST(ItemTree, GivesTheGoldenRootsAndProofs) {
  for (const Json& golden_case : golden::LoadSection("item_tree.json", "cases")) {
    const std::vector<Digest> items = golden::HexList<Digest>(golden_case["items"]);
    const ItemTree tree = ItemTree::Build(items).value();
    EXPECT_EQ(tree.root(), golden::Hex<Digest>(golden_case["root"]));
    EXPECT_EQ(tree.size(), golden_case["count"].get<size_t>());
    for (size_t i = 0; i < items.size(); ++i) {
      EXPECT_EQ(tree.Proof(i).value(), golden::HexList<Digest>(golden_case["proofs"][i]));
    }
  }
}

TEST(ItemTree, ProvesEveryItemOfEverySizeAndNothingElse) {
  for (size_t count = 1; count <= 33; ++count) {
    const std::vector<Digest> items = Items(count);
    const ItemTree tree = ItemTree::Build(items).value();
    for (size_t index = 0; index < count; ++index) {
      SCOPED_TRACE(testing::Message() << "item " << index << " of " << count);
      const std::vector<Digest> proof = tree.Proof(index).value();
      EXPECT_TRUE(VerifyItem(tree.root(), count, index, items[index], proof));
      EXPECT_FALSE(VerifyItem(tree.root(), count, index, Numbered<Digest>(999), proof));
      EXPECT_FALSE(VerifyItem(Digest(), count, index, items[index], proof));
      for (size_t other = 0; other < count + 2; ++other) {
        if (other != index) {
          EXPECT_FALSE(VerifyItem(tree.root(), count, other, items[index], proof));
        }
      }
      for (size_t other_count : {size_t{0}, count - 1, count + 1, 2 * count, kItemsMax + 1}) {
        EXPECT_FALSE(VerifyItem(tree.root(), other_count, index, items[index], proof));
      }
    }
    EXPECT_EQ(tree.Proof(count).status().code(), StatusCode::kOutOfRange);
    EXPECT_EQ(tree.Proof(SIZE_MAX).status().code(), StatusCode::kOutOfRange);
  }
}

TEST(ItemTree, RefusesProofsOfAnotherLengthOrWithAChangedSibling) {
  const std::vector<Digest> items = Items(6);
  const ItemTree tree = ItemTree::Build(items).value();
  const std::vector<Digest> proof = tree.Proof(4).value();
  ASSERT_EQ(proof.size(), 3u);
  std::vector<Digest> longer = proof;
  longer.push_back(Digest());
  EXPECT_FALSE(VerifyItem(tree.root(), 6, 4, items[4], longer));
  EXPECT_FALSE(VerifyItem(tree.root(), 6, 4, items[4], std::span(proof).first(2)));
  EXPECT_FALSE(VerifyItem(tree.root(), 6, 4, items[4], {}));
  for (size_t level = 0; level < proof.size(); ++level) {
    std::vector<Digest> changed = proof;
    changed[level].data()[31] ^= 1;
    EXPECT_FALSE(VerifyItem(tree.root(), 6, 4, items[4], changed)) << level;
  }
}

TEST(ItemTree, PaddingIsNeitherAnItemNorTheLastItemAgain) {
  std::vector<Digest> items = Items(3);
  const Digest root = ItemTree::Build(items)->root();
  items.push_back(items.back());
  EXPECT_NE(ItemTree::Build(items)->root(), root);
  items.back() = Digest();
  EXPECT_NE(ItemTree::Build(items)->root(), root);
}

TEST(ItemTree, ANodeIsNotAnItem) {
  // The tree over the two inner nodes of four items must not have the root of the four.
  const std::vector<Digest> items = Items(4);
  const ItemTree tree = ItemTree::Build(items).value();
  const std::vector<Digest> inner = {tree.Proof(2).value()[1], tree.Proof(0).value()[1]};
  EXPECT_NE(ItemTree::Build(inner)->root(), tree.root());
}

TEST(ItemTree, BoundsTheNumberOfItems) {
  EXPECT_EQ(ItemTree::Build({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ItemTree::Build(std::vector<Digest>(kItemsMax + 1)).status().code(),
            StatusCode::kInvalidArgument);
}

TEST(BlobRoot, GivesTheGoldenRoots) {
  for (const Json& golden_case : golden::LoadSection("protocol.json", "blobs")) {
    EXPECT_EQ(ComputeBlobRoot(Pattern(golden_case["length"])).value(),
              golden::Hex<BlobRoot>(golden_case["root"]))
        << golden_case["length"];
  }
}

TEST(BlobRoot, DependsOnEveryByteAndOnTheLength) {
  Bytes blob(2 * kBlobChunkBytes + 5);
  const BlobRoot root = ComputeBlobRoot(blob).value();
  for (size_t place : {size_t{0}, kBlobChunkBytes - 1, kBlobChunkBytes, blob.size() - 1}) {
    Bytes changed = blob;
    changed[place] = 1;
    EXPECT_NE(ComputeBlobRoot(changed).value(), root) << place;
  }
  blob.push_back(0);
  EXPECT_NE(ComputeBlobRoot(blob).value(), root);
}

TEST(BlobRoot, BoundsTheLength) {
  EXPECT_EQ(ComputeBlobRoot({}).status().code(), StatusCode::kInvalidArgument);
  const Bytes byte(1);
  EXPECT_TRUE(ComputeBlobRoot(byte).ok());
  // Never read: the length alone is refused.
  EXPECT_EQ(ComputeBlobRoot(ByteView(byte.data(), kBlobBytesMax + 1)).status().code(),
            StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera
