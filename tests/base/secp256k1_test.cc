#include "base/secp256k1.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/hash.h"

namespace tessera {
namespace {

using absl::StatusCode;

// The first account of anvil and Hardhat.
constexpr char kSecret[] = "0xac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80";
constexpr char kAddress[] = "0xf39fd6e51aad88f6f4ce6ab8827279cfffb92266";
constexpr char kOrder[] = "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141";
constexpr char kOrderMinusOne[] =
    "0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";

Secp256k1Key TestKey() { return Secp256k1Key::FromSecret(ParseHex(kSecret).value()).value(); }

absl::StatusCode SecretCode(std::string_view hex) {
  return Secp256k1Key::FromSecret(ParseHex(hex).value()).status().code();
}

// The signature by the same nonce with s replaced by order - s and the parity of R flipped.
EcdsaSignature UpperHalf(EcdsaSignature signature) {
  const Bytes order = ParseHex(kOrder).value();
  int borrow = 0;
  for (size_t i = 32; i-- > 0;) {
    const int difference = order[i] - signature.data()[32 + i] - borrow;
    borrow = difference < 0 ? 1 : 0;
    signature.data()[32 + i] = static_cast<uint8_t>(difference + 256 * borrow);
  }
  signature.data()[64] ^= 27 ^ 28;
  return signature;
}

TEST(Secp256k1, DerivesTheKnownAddress) { EXPECT_EQ(TestKey().address().hex(), kAddress); }

TEST(Secp256k1, AcceptsSecretsFromOneToOrderMinusOne) {
  EXPECT_EQ(SecretCode(std::string(63, '0') + "1"), StatusCode::kOk);
  EXPECT_EQ(SecretCode(kOrderMinusOne), StatusCode::kOk);
  EXPECT_EQ(SecretCode(std::string(64, '0')), StatusCode::kInvalidArgument);
  EXPECT_EQ(SecretCode(kOrder), StatusCode::kInvalidArgument);
  EXPECT_EQ(SecretCode(std::string(62, '1')), StatusCode::kInvalidArgument);
  EXPECT_EQ(SecretCode(std::string(66, '1')), StatusCode::kInvalidArgument);
}

TEST(Secp256k1, RecoversTheSigner) {
  for (int i = 0; i < 20; ++i) {
    const Secp256k1Key key = Secp256k1Key::Generate();
    const Digest digest = Keccak256(key.secret());
    const EcdsaSignature signature = key.Sign(digest);
    EXPECT_EQ(signature, key.Sign(digest)) << "not deterministic";
    EXPECT_EQ(RecoverSigner(digest, signature).value(), key.address());
    EXPECT_TRUE(VerifySigner(digest, signature, key.address()).ok());
  }
}

TEST(Secp256k1, RefusesAnotherSignerOrDigest) {
  const Digest digest = Keccak256(AsBytes("digest"));
  const EcdsaSignature signature = TestKey().Sign(digest);
  EXPECT_EQ(VerifySigner(digest, signature, Address()).code(), StatusCode::kPermissionDenied);
  EXPECT_FALSE(VerifySigner(Digest(), signature, TestKey().address()).ok());
}

TEST(Secp256k1, RefusesTheUpperHalf) {
  const Digest digest = Keccak256(AsBytes("digest"));
  const EcdsaSignature high = UpperHalf(TestKey().Sign(digest));
  EXPECT_EQ(RecoverSigner(digest, high).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(VerifySigner(digest, high, TestKey().address()).code(), StatusCode::kInvalidArgument);
  EXPECT_TRUE(RecoverSigner(digest, UpperHalf(high)).ok());
}

TEST(Secp256k1, RefusesMalformedSignatures) {
  const EcdsaSignature good = TestKey().Sign(Digest());
  for (int v : {0, 1, 26, 29, 30, 255}) {
    EcdsaSignature changed = good;
    changed.data()[64] = static_cast<uint8_t>(v);
    EXPECT_EQ(RecoverSigner(Digest(), changed).status().code(), StatusCode::kInvalidArgument) << v;
  }
  EcdsaSignature zero;
  zero.data()[64] = 27;
  EXPECT_EQ(RecoverSigner(Digest(), zero).status().code(), StatusCode::kInvalidArgument);
  EcdsaSignature overflow = good;
  std::fill_n(overflow.data(), 32, uint8_t{0xff});
  EXPECT_EQ(RecoverSigner(Digest(), overflow).status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera
