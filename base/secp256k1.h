// ECDSA over secp256k1 as Ethereum uses it: recoverable signatures of 32-byte digests, addresses.
#pragma once

#include "base/bytes.h"

namespace tessera {

// r (32) || s (32) || v (27 or 28); s in the lower half of the order.
using EcdsaSignature = FixedBytes<struct EcdsaSignatureTag, 65>;

// A private key and its address. Immutable, thread-safe.
class Secp256k1Key {
 public:
  static Secp256k1Key Generate();
  // InvalidArgument if zero or not below the group order.
  static absl::StatusOr<Secp256k1Key> FromSecret(ByteView secret);

  const Address& address() const { return address_; }
  // Deterministic (RFC 6979).
  EcdsaSignature Sign(const Digest& digest) const;
  // 32 bytes. Handle as a secret.
  ByteView secret() const { return secret_.view(); }

 private:
  Secp256k1Key(const Digest& secret, const Address& address) : secret_(secret), address_(address) {}
  Digest secret_;
  Address address_;
};

// The address whose key made `signature`. InvalidArgument for a malformed or high-s signature.
absl::StatusOr<Address> RecoverSigner(const Digest& digest, const EcdsaSignature& signature);

// PermissionDenied unless `signer` made `signature`; InvalidArgument if malformed.
absl::Status VerifySigner(const Digest& digest, const EcdsaSignature& signature,
                          const Address& signer);

}  // namespace tessera
