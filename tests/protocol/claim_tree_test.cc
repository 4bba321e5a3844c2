#include "protocol/claim_tree.h"

#include <gtest/gtest.h>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using absl::StatusCode;
using golden::Json;

std::map<Address, Wei> Claims(size_t count) {
  std::map<Address, Wei> claims;
  for (size_t i = 0; i < count; ++i) claims[Numbered<Address>(i)] = Wei(1000 + i);
  return claims;
}

TEST(ClaimTree, AgreesWithOpenZeppelin) {
  for (const Json& golden_case : golden::LoadSection("claim_tree.json", "cases")) {
    const std::vector<Address> accounts = golden::HexList<Address>(golden_case["accounts"]);
    std::map<Address, Wei> claims;
    for (size_t i = 0; i < accounts.size(); ++i) {
      claims[accounts[i]] = Wei::ParseWei(golden_case["cumulative"][i].get<std::string>()).value();
    }
    const absl::StatusOr<ClaimTree> tree = ClaimTree::Build(claims);
    ASSERT_TRUE(tree.ok()) << tree.status();
    EXPECT_EQ(tree->root(), golden::Hex<Digest>(golden_case["root"]));
    for (size_t i = 0; i < accounts.size(); ++i) {
      EXPECT_EQ(tree->Proof(accounts[i]).value(),
                golden::HexList<Digest>(golden_case["proofs"][i]));
    }
  }
}

TEST(ClaimTree, ProvesEveryClaimOfEverySize) {
  for (size_t count = 1; count <= 33; ++count) {
    const std::map<Address, Wei> claims = Claims(count);
    const ClaimTree tree = ClaimTree::Build(claims).value();
    for (const auto& [account, amount] : claims) {
      const std::vector<Digest> proof = tree.Proof(account).value();
      EXPECT_TRUE(VerifyClaim(tree.root(), account, amount, proof)) << count;
      EXPECT_FALSE(VerifyClaim(tree.root(), account, amount + Wei(1), proof));
      EXPECT_FALSE(VerifyClaim(tree.root(), Numbered<Address>(999), amount, proof));
      EXPECT_FALSE(VerifyClaim(Digest(), account, amount, proof));
    }
  }
}

TEST(ClaimTree, LeavesOutWhoHasNothing) {
  std::map<Address, Wei> claims = Claims(3);
  const Digest root = ClaimTree::Build(claims)->root();
  const Address poor = Numbered<Address>(50);
  claims[poor] = Wei();
  const ClaimTree tree = ClaimTree::Build(claims).value();
  EXPECT_EQ(tree.root(), root);
  EXPECT_EQ(tree.Proof(poor).status().code(), StatusCode::kNotFound);
  EXPECT_EQ(tree.Proof(Numbered<Address>(51)).status().code(), StatusCode::kNotFound);
}

TEST(ClaimTree, RefusesToPayNobody) {
  EXPECT_EQ(ClaimTree::Build({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(ClaimTree::Build({{Address(), Wei()}}).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera
