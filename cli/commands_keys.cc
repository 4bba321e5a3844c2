// tessera keys: the secrets of one person or machine.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "base/status_macros.h"
#include "cli/commands.h"

namespace tessera::cli {
namespace {

constexpr size_t kSecretFileBytesMax = 256;

absl::StatusOr<Secp256k1Key> ImportAccount(const std::filesystem::path& path) {
  ASSIGN_OR_RETURN(const Bytes file, ReadFile(path, kSecretFileBytesMax));
  std::string_view text = AsText(file);
  while (!text.empty() && (text.back() == '\n' || text.back() == '\r')) text.remove_suffix(1);
  const absl::StatusOr<Digest> secret = Digest::FromHex(text);
  // The message must not repeat what may be most of a secret.
  if (!secret.ok()) {
    return absl::InvalidArgumentError(path.string() +
                                      " does not hold a secret of 32 bytes in hexadecimal");
  }
  return Secp256k1Key::FromSecret(secret->view());
}

void Show(Context& context, const KeyPair& keys) {
  const std::string account = keys.account.address().hex();
  const std::string authentication = keys.authentication.public_key().hex();
  context.output().Answer(
      {{"account", account},
       {"authentication_key", authentication},
       {"file", context.options().key_file.string()}},
      "account             " + account + "\nauthentication key  " + authentication);
}

}  // namespace

absl::Status KeysNew(Context& context, const std::filesystem::path& account_secret_file) {
  if (context.options().key_file.empty()) {
    return absl::InvalidArgumentError("where to write the key? (give --key)");
  }
  ASSIGN_OR_RETURN(const std::string passphrase, context.Passphrase());
  KeyPair keys = GenerateKeyPair();
  if (!account_secret_file.empty()) {
    ASSIGN_OR_RETURN(keys.account, ImportAccount(account_secret_file));
  }
  RETURN_IF_ERROR(WriteKeyFile(context.options().key_file, keys, passphrase));
  Show(context, keys);
  return absl::OkStatus();
}

absl::Status KeysShow(Context& context) {
  ASSIGN_OR_RETURN(const KeyPair* const keys, context.Keys());
  Show(context, *keys);
  return absl::OkStatus();
}

}  // namespace tessera::cli
