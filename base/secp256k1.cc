#include "base/secp256k1.h"

#include <secp256k1.h>
#include <secp256k1_recovery.h>

#include "base/hash.h"
#include "base/random.h"

namespace tessera {
namespace {

const secp256k1_context* Context() {
  static const secp256k1_context* context = [] {
    secp256k1_context* made =
        secp256k1_context_create(SECP256K1_CONTEXT_SIGN | SECP256K1_CONTEXT_VERIFY);
    std::array<uint8_t, 32> blind;
    FillSecureRandom(blind);
    if (!secp256k1_context_randomize(made, blind.data())) std::abort();
    return made;
  }();
  return context;
}

Address AddressOf(const secp256k1_pubkey& key) {
  std::array<uint8_t, 65> raw;
  size_t size = raw.size();
  secp256k1_ec_pubkey_serialize(Context(), raw.data(), &size, &key, SECP256K1_EC_UNCOMPRESSED);
  const Digest hash = Keccak256(ByteView(raw).subspan(1));
  Address address;
  std::memcpy(address.data(), hash.data() + 12, address.size());
  return address;
}

}  // namespace

Secp256k1Key Secp256k1Key::Generate() {
  while (true) {
    std::array<uint8_t, 32> secret;
    FillSecureRandom(secret);
    if (absl::StatusOr<Secp256k1Key> key = FromSecret(secret); key.ok()) return *std::move(key);
  }
}

absl::StatusOr<Secp256k1Key> Secp256k1Key::FromSecret(ByteView secret) {
  absl::StatusOr<Digest> bytes = Digest::FromBytes(secret);
  if (!bytes.ok()) return bytes.status();
  secp256k1_pubkey key;
  if (!secp256k1_ec_pubkey_create(Context(), &key, bytes->data())) {
    return absl::InvalidArgumentError("not a secp256k1 private key");
  }
  return Secp256k1Key(*bytes, AddressOf(key));
}

EcdsaSignature Secp256k1Key::Sign(const Digest& digest) const {
  secp256k1_ecdsa_recoverable_signature raw;
  if (!secp256k1_ecdsa_sign_recoverable(Context(), &raw, digest.data(), secret_.data(), nullptr,
                                        nullptr)) {
    std::abort();  // Only a key that FromSecret refuses can get here.
  }
  EcdsaSignature signature;
  int recovery_id = 0;
  secp256k1_ecdsa_recoverable_signature_serialize_compact(Context(), signature.data(), &recovery_id,
                                                          &raw);
  signature.data()[64] = static_cast<uint8_t>(27 + recovery_id);
  return signature;
}

absl::StatusOr<Address> RecoverSigner(const Digest& digest, const EcdsaSignature& signature) {
  const int v = signature.data()[64];
  if (v != 27 && v != 28) return absl::InvalidArgumentError("signature: v is not 27 or 28");
  secp256k1_ecdsa_recoverable_signature raw;
  secp256k1_ecdsa_signature plain;
  secp256k1_pubkey key;
  if (!secp256k1_ecdsa_recoverable_signature_parse_compact(Context(), &raw, signature.data(),
                                                           v - 27)) {
    return absl::InvalidArgumentError("signature: r or s out of range");
  }
  secp256k1_ecdsa_recoverable_signature_convert(Context(), &plain, &raw);
  if (secp256k1_ecdsa_signature_normalize(Context(), nullptr, &plain)) {
    return absl::InvalidArgumentError("signature: s in the upper half");
  }
  if (!secp256k1_ecdsa_recover(Context(), &key, &raw, digest.data())) {
    return absl::InvalidArgumentError("signature: no key recovers");
  }
  return AddressOf(key);
}

absl::Status VerifySigner(const Digest& digest, const EcdsaSignature& signature,
                          const Address& signer) {
  absl::StatusOr<Address> actual = RecoverSigner(digest, signature);
  if (!actual.ok()) return actual.status();
  if (*actual != signer) {
    return absl::PermissionDeniedError("signature is by " + actual->hex() + ", expected " +
                                       signer.hex());
  }
  return absl::OkStatus();
}

}  // namespace tessera
