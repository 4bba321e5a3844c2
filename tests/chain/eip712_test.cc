#include "chain/eip712.h"

#include "base/hash.h"
#include "gtest/gtest.h"
#include "tests/chain/vectors.h"

namespace tessera::chain {
namespace {

using testing::HexAddress;
using testing::VectorKey;
using testing::Vectors;

Eip712Domain Domain() {
  return {.name = "Tessera",
          .version = "1",
          .chain_id = 31337,
          .verifying_contract = HexAddress(Vectors()["addr2"])};
}

std::string SignatureIn(std::string_view name) {
  for (const auto& row : Vectors()["signatures"]) {
    if (row["name"] == name) return row["signature"];
  }
  return "";
}

TEST(Eip712Test, PermitSignatureMatchesCast) {
  const Digest permit =
      HashPermit(HexAddress(Vectors()["addr1"]), HexAddress(Vectors()["addr2"]),
                 Wei::ParseTokens("1000")->ToWord(), /*nonce=*/3, /*deadline_s=*/1900000000);
  EXPECT_EQ(VectorKey().Sign(TypedDataDigest(Domain(), permit)).hex(), SignatureIn("permit"));
}

TEST(Eip712Test, NestedStructSignatureMatchesCast) {
  const Digest person =
      HashStruct("Person(string name,address wallet)",
                 AbiValues().Word(Keccak256(AsBytes("Bob"))).Addr(HexAddress(Vectors()["addr2"])));
  const Digest mail =
      HashStruct("Mail(Person to,string contents)Person(string name,address wallet)",
                 AbiValues().Word(person).Word(Keccak256(AsBytes("Hello, Bob!"))));
  EXPECT_EQ(VectorKey().Sign(TypedDataDigest(Domain(), mail)).hex(), SignatureIn("mail"));
}

// The digest in the EIP's own example.
TEST(Eip712Test, MatchesTheExampleOfTheStandard) {
  const Eip712Domain domain{
      .name = "Ether Mail",
      .version = "1",
      .chain_id = 1,
      .verifying_contract = *Address::FromHex("0xCcCCccccCCCCcCCCCCCcCcCccCcCCCcCcccccccC")};
  EXPECT_EQ(DomainSeparator(domain).hex(),
            "0xf2cee375fa42b42143804025fc449deafd50cc031ca257e0b194a650a912090f");
  const auto person = [](std::string_view name, std::string_view wallet) {
    return HashStruct("Person(string name,address wallet)",
                      AbiValues().Word(Keccak256(AsBytes(name))).Addr(*Address::FromHex(wallet)));
  };
  const Digest mail =
      HashStruct("Mail(Person from,Person to,string contents)Person(string name,address wallet)",
                 AbiValues()
                     .Word(person("Cow", "0xCD2a3d9F938E13CD947Ec05AbC7FE734Df8DD826"))
                     .Word(person("Bob", "0xbBbBBBBbbBBBbbbBbbBbbbbBBbBbbbbBbBbbBBbB"))
                     .Word(Keccak256(AsBytes("Hello, Bob!"))));
  EXPECT_EQ(TypedDataDigest(domain, mail).hex(),
            "0xbe609aee343fb3c4b28e1df9e632fca64fcfaede20f02e86244efddf30957bd2");
}

TEST(Eip712Test, EveryPartOfTheDomainChangesTheDigest) {
  const Digest permit;
  const Digest original = TypedDataDigest(Domain(), permit);
  Eip712Domain other = Domain();
  other.name = "tessera";
  EXPECT_NE(TypedDataDigest(other, permit), original);
  other = Domain();
  other.version = "2";
  EXPECT_NE(TypedDataDigest(other, permit), original);
  other = Domain();
  other.chain_id = 1;
  EXPECT_NE(TypedDataDigest(other, permit), original);
  other = Domain();
  other.verifying_contract = HexAddress(Vectors()["addr1"]);
  EXPECT_NE(TypedDataDigest(other, permit), original);
}

}  // namespace
}  // namespace tessera::chain
