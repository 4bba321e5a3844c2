#include "protocol/typed_data.h"

#include <gtest/gtest.h>

#include <set>

#include "tests/protocol/golden.h"

namespace tessera {
namespace {

using golden::Decimal;
using golden::Hex;
using golden::Json;

Commitment CommitmentOf(const Json& fields) {
  return {Hex<JobId>(fields["job"]),
          Decimal(fields["round"]),
          Hex<WorkerId>(fields["worker"]),
          static_cast<EngineClass>(fields["engineClass"].get<uint32_t>()),
          Hex<BlobRoot>(fields["baseModelRoot"]),
          fields["shard"],
          Hex<BlobRoot>(fields["updateRoot"]),
          Decimal(fields["updateBytes"]),
          Decimal(fields["dimension"]),
          Hex<Digest>(fields["stateChainRoot"]),
          fields["segments"]};
}

Receipt ReceiptOf(const Json& fields) {
  return {Hex<JobId>(fields["job"]), Decimal(fields["round"]), Hex<WorkerId>(fields["worker"]),
          Hex<Digest>(fields["commitment"]), Decimal(fields["receivedMs"])};
}

Verdict VerdictOf(const Json& fields) {
  return {
      Hex<JobId>(fields["job"]),           Decimal(fields["round"]),
      Hex<WorkerId>(fields["auditor"]),    Hex<WorkerId>(fields["worker"]),
      Hex<Digest>(fields["commitment"]),   fields["segment"],
      Hex<BlobRoot>(fields["resultRoot"]), static_cast<Outcome>(fields["outcome"].get<uint8_t>())};
}

KeyBinding KeyBindingOf(const Json& fields) {
  return {Hex<Ed25519PublicKey>(fields["authenticationKey"]), Hex<Address>(fields["payout"])};
}

Digest StructHashOf(const Json& golden_case) {
  const std::string name = golden_case["name"];
  if (name == "Commitment") return HashStruct(CommitmentOf(golden_case));
  if (name == "Receipt") return HashStruct(ReceiptOf(golden_case));
  if (name == "Verdict") return HashStruct(VerdictOf(golden_case));
  if (name == "KeyBinding") return HashStruct(KeyBindingOf(golden_case));
  ADD_FAILURE() << "unknown struct " << name;
  return Digest();
}

TEST(TypedData, AgreesWithAnIndependentEip712AndItsSignatures) {
  const Json vectors = golden::Load("typed_data.json");
  const SigningDomain domain = {vectors["chainId"], Hex<Address>(vectors["verifyingContract"])};
  EXPECT_EQ(DomainSeparator(domain), Hex<Digest>(vectors["domainSeparator"]));
  const Secp256k1Key key =
      Secp256k1Key::FromSecret(golden::HexBytes(vectors["privateKey"])).value();
  EXPECT_EQ(key.address(), Hex<Address>(vectors["signer"]));
  std::set<std::string> covered;
  for (const Json& golden_case : vectors["cases"]) {
    SCOPED_TRACE(golden_case["name"].get<std::string>());
    covered.insert(golden_case["name"].get<std::string>());
    const Digest struct_hash = StructHashOf(golden_case);
    EXPECT_EQ(struct_hash, Hex<Digest>(golden_case["structHash"]));
    const Digest digest = TypedDataDigest(domain, struct_hash);
    EXPECT_EQ(digest, Hex<Digest>(golden_case["digest"]));
    const EcdsaSignature signature = Hex<EcdsaSignature>(golden_case["signature"]);
    EXPECT_EQ(key.Sign(digest), signature);
    EXPECT_EQ(RecoverSigner(digest, signature).value(), key.address());
  }
  EXPECT_EQ(covered, (std::set<std::string>{"Commitment", "Receipt", "Verdict", "KeyBinding"}));
}

TEST(TypedData, ASignatureCountsInOneDomainOnly) {
  const SigningDomain domain = {1, Address()};
  SigningDomain other_chain = domain;
  other_chain.chain_id = 2;
  SigningDomain other_contract = domain;
  other_contract.disputes.data()[19] = 1;
  const Digest digest = SigningDigest(domain, Receipt());
  EXPECT_EQ(digest, TypedDataDigest(domain, HashStruct(Receipt())));
  EXPECT_NE(SigningDigest(other_chain, Receipt()), digest);
  EXPECT_NE(SigningDigest(other_contract, Receipt()), digest);
}

TEST(TypedData, StructsOfDifferentTypesNeverHashAlike) {
  const std::set<Digest> hashes = {HashStruct(Commitment()), HashStruct(Receipt()),
                                   HashStruct(Verdict()), HashStruct(KeyBinding())};
  EXPECT_EQ(hashes.size(), 4u);
}

TEST(KeyBindingMessage, IsTheGoldenMessage) {
  const Json golden_case = golden::LoadSection("protocol.json", "messages")["keyBinding"];
  EXPECT_EQ(
      KeyBindingMessage(Hex<WorkerId>(golden_case["worker"]), Hex<Address>(golden_case["payout"])),
      golden::HexBytes(golden_case["message"]));
}

}  // namespace
}  // namespace tessera
