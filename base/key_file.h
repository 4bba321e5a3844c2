// The secrets of one person or machine: an account key and an authentication key in one encrypted file.
//
//   "TSRK" u16 version=1 u16 reserved=0 salt(16) nonce(24) box(80)        128 bytes, integers little-endian
//
// box: crypto_secretbox (Poly1305 tag, then XSalsa20) of the account's secret(32) || the authentication seed(32), under
// Argon2id(passphrase, salt) with 2 passes over 64 MiB.
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "base/ed25519.h"
#include "base/secp256k1.h"

namespace tessera {

struct KeyPair {
  Secp256k1Key account;
  Ed25519Key authentication;
};

KeyPair GenerateKeyPair();

// Writes a file of mode 0600 encrypted under `passphrase`. AlreadyExists if `path` exists.
absl::Status WriteKeyFile(const std::filesystem::path& path, const KeyPair& keys,
                          std::string_view passphrase);

// PermissionDenied for a wrong passphrase or a file that others may read (fix: chmod 600); NotFound if
// absent; DataLoss if malformed. Takes about 0.1 s.
absl::StatusOr<KeyPair> ReadKeyFile(const std::filesystem::path& path, std::string_view passphrase);

// The passphrase of a key file: `file` without its trailing newlines, or, if `file` is empty, TESSERA_PASSPHRASE in the
// environment. InvalidArgument, naming both ways, if neither is given; errors of ReadFile.
absl::StatusOr<std::string> ReadPassphrase(const std::filesystem::path& file);

}  // namespace tessera
