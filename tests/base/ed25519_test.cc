#include "base/ed25519.h"

#include <gtest/gtest.h>

namespace tessera {
namespace {

// RFC 8032, section 7.1.
struct KnownAnswer {
  const char* seed;
  const char* public_key;
  const char* message;
  const char* signature;
};
constexpr KnownAnswer kKnownAnswers[] = {
    {"9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60",
     "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a", "",
     "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
     "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"},
    {"4ccd089b28ff96da9db6c346ec114e0f5b8a319f35aba624da8cf6ed4fb8a6fb",
     "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c", "72",
     "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
     "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"},
};

TEST(Ed25519, GivesTheAnswersOfRfc8032) {
  for (const KnownAnswer& known : kKnownAnswers) {
    const Ed25519Key key(Ed25519Seed::FromHex(known.seed).value());
    const Bytes message = ParseHex(known.message).value();
    EXPECT_EQ(key.public_key(), Ed25519PublicKey::FromHex(known.public_key).value());
    EXPECT_EQ(key.Sign(message), Ed25519Signature::FromHex(known.signature).value());
    EXPECT_TRUE(VerifyEd25519(key.public_key(), message, key.Sign(message)));
  }
}

TEST(Ed25519, RefusesEveryFlippedBitOfASignature) {
  const Ed25519Key key = Ed25519Key::Generate();
  const Ed25519Signature signature = key.Sign(AsBytes("message"));
  ASSERT_TRUE(VerifyEd25519(key.public_key(), AsBytes("message"), signature));
  for (size_t bit = 0; bit < 8 * signature.size(); ++bit) {
    Ed25519Signature changed = signature;
    changed.data()[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    EXPECT_FALSE(VerifyEd25519(key.public_key(), AsBytes("message"), changed)) << bit;
  }
}

TEST(Ed25519, RefusesOtherMessagesAndKeys) {
  const Ed25519Key key = Ed25519Key::Generate();
  const Ed25519Key other = Ed25519Key::Generate();
  const Ed25519Signature signature = key.Sign(AsBytes("message"));
  EXPECT_NE(key.public_key(), other.public_key());
  EXPECT_FALSE(VerifyEd25519(key.public_key(), AsBytes("massage"), signature));
  EXPECT_FALSE(VerifyEd25519(key.public_key(), {}, signature));
  EXPECT_FALSE(VerifyEd25519(other.public_key(), AsBytes("message"), signature));
  // A key of small order would verify a signature of zeros over any message.
  EXPECT_FALSE(VerifyEd25519(Ed25519PublicKey(), AsBytes("message"), Ed25519Signature()));
}

}  // namespace
}  // namespace tessera
