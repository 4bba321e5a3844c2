// Ed25519 signatures (RFC 8032), by libsodium.
#pragma once

#include "base/bytes.h"

namespace tessera {

using Ed25519PublicKey = FixedBytes<struct Ed25519PublicKeyTag, 32>;
using Ed25519Signature = FixedBytes<struct Ed25519SignatureTag, 64>;
using Ed25519Seed = FixedBytes<struct Ed25519SeedTag, 32>;

// A key pair. Immutable, thread-safe.
class Ed25519Key {
 public:
  static Ed25519Key Generate();
  explicit Ed25519Key(const Ed25519Seed& seed);

  const Ed25519PublicKey& public_key() const { return public_key_; }
  const Ed25519Seed& seed() const { return seed_; }  // Handle as a secret.
  Ed25519Signature Sign(ByteView message) const;

 private:
  Ed25519Seed seed_;
  Ed25519PublicKey public_key_;
  std::array<uint8_t, 64> secret_;
};

bool VerifyEd25519(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature);

}  // namespace tessera
