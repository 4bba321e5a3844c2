#include "base/ed25519.h"

#include "base/random.h"
#include "base/sodium.h"

namespace tessera {

Ed25519Key Ed25519Key::Generate() {
  Ed25519Seed seed;
  FillSecureRandom({seed.data(), seed.size()});
  return Ed25519Key(seed);
}

Ed25519Key::Ed25519Key(const Ed25519Seed& seed) : seed_(seed) {
  EnsureSodium();
  crypto_sign_seed_keypair(public_key_.data(), secret_.data(), seed.data());
}

Ed25519Signature Ed25519Key::Sign(ByteView message) const {
  Ed25519Signature signature;
  crypto_sign_detached(signature.data(), nullptr, message.data(), message.size(), secret_.data());
  return signature;
}

bool VerifyEd25519(const Ed25519PublicKey& key, ByteView message,
                   const Ed25519Signature& signature) {
  EnsureSodium();
  return crypto_sign_verify_detached(signature.data(), message.data(), message.size(),
                                     key.data()) == 0;
}

}  // namespace tessera
