#include "base/key_file.h"

#include <cstdlib>

#include "base/file.h"
#include "base/random.h"
#include "base/sodium.h"
#include "base/status_macros.h"

namespace tessera {
namespace {

namespace fs = std::filesystem;

constexpr std::string_view kMagic = "TSRK";
constexpr uint16_t kVersion = 1;
constexpr size_t kSaltBytes = crypto_pwhash_argon2id_SALTBYTES;
constexpr size_t kNonceBytes = crypto_secretbox_xsalsa20poly1305_NONCEBYTES;
constexpr size_t kTagBytes = crypto_secretbox_xsalsa20poly1305_MACBYTES;
constexpr size_t kSecretBytes = 64;
constexpr size_t kBoxBytes = kTagBytes + kSecretBytes;
constexpr size_t kFileBytes = 8 + kSaltBytes + kNonceBytes + kBoxBytes;
constexpr size_t kPassphraseBytesMax = 4096;
static_assert(kFileBytes == 128, "the layout in key_file.h");

// Bytes that are wiped at the end of their scope.
template <size_t N>
class SecretBytes {
 public:
  SecretBytes() = default;
  ~SecretBytes() { sodium_memzero(bytes_.data(), N); }
  SecretBytes(const SecretBytes&) = delete;
  SecretBytes& operator=(const SecretBytes&) = delete;
  uint8_t* data() { return bytes_.data(); }
  ByteView view() const { return bytes_; }

 private:
  std::array<uint8_t, N> bytes_{};
};

using BoxKey = SecretBytes<crypto_secretbox_xsalsa20poly1305_KEYBYTES>;

// The costs belong to version 1 of the file and are not read from it, so that a forged file cannot
// ask for a terabyte. About 0.1 s and 64 MiB.
absl::Status DeriveKey(std::string_view passphrase, ByteView salt, BoxKey& key) {
  constexpr unsigned long long kPasses = 2;
  constexpr size_t kMemoryBytes = size_t{64} << 20;
  if (crypto_pwhash_argon2id(key.data(), key.view().size(), passphrase.data(), passphrase.size(),
                             salt.data(), kPasses, kMemoryBytes,
                             crypto_pwhash_argon2id_ALG_ARGON2ID13) != 0) {
    return absl::ResourceExhaustedError("key file: deriving the key needs 64 MiB of memory");
  }
  return absl::OkStatus();
}

// Whoever can read the file can try passphrases at leisure.
absl::Status CheckPrivate(const fs::path& path) {
  std::error_code error;
  const fs::file_status status = fs::status(path, error);
  if (status.type() == fs::file_type::not_found) {
    return absl::NotFoundError("key file " + path.string() + " does not exist");
  }
  if (error) {
    return absl::InternalError("cannot inspect " + path.string() + ": " + error.message());
  }
  constexpr fs::perms kOthers = fs::perms::group_all | fs::perms::others_all;
  if ((status.permissions() & kOthers) != fs::perms::none) {
    return absl::PermissionDeniedError("key file " + path.string() +
                                       " is accessible to others; run: chmod 600 " + path.string());
  }
  return absl::OkStatus();
}

absl::Status Malformed(const fs::path& path, std::string_view what) {
  return absl::DataLossError("key file " + path.string() + ": " + std::string(what));
}

// The fields of a well-formed file, as views of its bytes.
struct SealedKeys {
  ByteView salt;
  ByteView nonce;
  ByteView box;
};

absl::StatusOr<SealedKeys> ParseKeyFile(ByteView bytes, const fs::path& path) {
  if (bytes.size() != kFileBytes) {
    return Malformed(
        path, std::to_string(bytes.size()) + " bytes, must be " + std::to_string(kFileBytes));
  }
  ByteReader reader(bytes);
  ASSIGN_OR_RETURN(const ByteView magic, reader.Raw(kMagic.size(), "magic"));
  ASSIGN_OR_RETURN(const uint16_t version, reader.Le<uint16_t>("version"));
  ASSIGN_OR_RETURN(const uint16_t reserved, reader.Le<uint16_t>("reserved field"));
  if (AsText(magic) != kMagic) return Malformed(path, "not a Tessera key file");
  if (version != kVersion) {
    return Malformed(path, "version is " + std::to_string(version) + ", must be 1");
  }
  if (reserved != 0) return Malformed(path, "reserved field is not 0");
  SealedKeys sealed;
  ASSIGN_OR_RETURN(sealed.salt, reader.Raw(kSaltBytes, "salt"));
  ASSIGN_OR_RETURN(sealed.nonce, reader.Raw(kNonceBytes, "nonce"));
  ASSIGN_OR_RETURN(sealed.box, reader.Raw(kBoxBytes, "box"));
  return sealed;
}

}  // namespace

KeyPair GenerateKeyPair() { return {Secp256k1Key::Generate(), Ed25519Key::Generate()}; }

absl::Status WriteKeyFile(const fs::path& path, const KeyPair& keys, std::string_view passphrase) {
  EnsureSodium();
  // Asked early, to spare the derivation; CreateFileAtomic is what guarantees it.
  std::error_code ignored;
  if (fs::exists(fs::symlink_status(path, ignored))) {
    return absl::AlreadyExistsError("key file " + path.string() + " already exists");
  }
  std::array<uint8_t, kSaltBytes> salt;
  std::array<uint8_t, kNonceBytes> nonce;
  FillSecureRandom(salt);
  FillSecureRandom(nonce);
  BoxKey key;
  RETURN_IF_ERROR(DeriveKey(passphrase, salt, key));

  SecretBytes<kSecretBytes> secrets;
  std::memcpy(secrets.data(), keys.account.secret().data(), 32);
  std::memcpy(secrets.data() + 32, keys.authentication.seed().data(), 32);
  std::array<uint8_t, kBoxBytes> box;
  crypto_secretbox_easy(box.data(), secrets.data(), kSecretBytes, nonce.data(), key.data());

  ByteWriter writer;
  writer.Raw(AsBytes(kMagic)).Le(kVersion).Le(uint16_t{0}).Raw(salt).Raw(nonce).Raw(box);
  return CreateFileAtomic(path, writer.bytes(), 0600);
}

absl::StatusOr<KeyPair> ReadKeyFile(const fs::path& path, std::string_view passphrase) {
  EnsureSodium();
  RETURN_IF_ERROR(CheckPrivate(path));
  absl::StatusOr<Bytes> bytes = ReadFile(path, kFileBytes);
  if (absl::IsResourceExhausted(bytes.status())) {
    return Malformed(path, std::string(bytes.status().message()));
  }
  if (!bytes.ok()) return bytes.status();
  ASSIGN_OR_RETURN(const SealedKeys sealed, ParseKeyFile(*bytes, path));

  BoxKey key;
  RETURN_IF_ERROR(DeriveKey(passphrase, sealed.salt, key));
  SecretBytes<kSecretBytes> secrets;
  if (crypto_secretbox_open_easy(secrets.data(), sealed.box.data(), sealed.box.size(),
                                 sealed.nonce.data(), key.data()) != 0) {
    return absl::PermissionDeniedError("key file " + path.string() +
                                       ": wrong passphrase, or the file was changed");
  }
  absl::StatusOr<Secp256k1Key> account = Secp256k1Key::FromSecret(secrets.view().first(32));
  if (!account.ok()) return Malformed(path, std::string(account.status().message()));
  ASSIGN_OR_RETURN(const Ed25519Seed seed, Ed25519Seed::FromBytes(secrets.view().last(32)));
  return KeyPair{*std::move(account), Ed25519Key(seed)};
}

absl::StatusOr<std::string> ReadPassphrase(const fs::path& file) {
  if (!file.empty()) {
    ASSIGN_OR_RETURN(const Bytes bytes, ReadFile(file, kPassphraseBytesMax));
    std::string passphrase(AsText(bytes));
    while (!passphrase.empty() && passphrase.back() == '\n') passphrase.pop_back();
    return passphrase;
  }
  if (const char* passphrase = std::getenv("TESSERA_PASSPHRASE")) return std::string(passphrase);
  return absl::InvalidArgumentError(
      "the key file needs a passphrase: --passphrase-file or TESSERA_PASSPHRASE");
}

}  // namespace tessera
