#include "base/key_file.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/file.h"
#include "tests/base/temporary_folder.h"

namespace tessera {
namespace {

using absl::StatusCode;
using std::filesystem::perms;
using testing::HasSubstr;

constexpr std::string_view kPassphrase = "correct horse battery staple";

absl::StatusCode ReadCode(const std::filesystem::path& path,
                          std::string_view passphrase = kPassphrase) {
  return ReadKeyFile(path, passphrase).status().code();
}

TEST(KeyFile, GivesBackBothKeys) {
  TemporaryFolder folder;
  const KeyPair keys = GenerateKeyPair();
  ASSERT_TRUE(WriteKeyFile(folder / "key", keys, kPassphrase).ok());
  const absl::StatusOr<KeyPair> read = ReadKeyFile(folder / "key", kPassphrase);
  ASSERT_TRUE(read.ok()) << read.status();
  EXPECT_EQ(read->account.address(), keys.account.address());
  EXPECT_EQ(read->account.Sign(Digest()), keys.account.Sign(Digest()));
  EXPECT_EQ(read->authentication.seed(), keys.authentication.seed());
  EXPECT_EQ(read->authentication.public_key(), keys.authentication.public_key());
}

TEST(KeyFile, HasTheDocumentedShapeAndHoldsNoSecretInTheClear) {
  TemporaryFolder folder;
  const KeyPair keys = GenerateKeyPair();
  ASSERT_TRUE(WriteKeyFile(folder / "key", keys, "").ok());
  const Bytes bytes = ReadFile(folder / "key").value();
  ASSERT_EQ(bytes.size(), 128u);
  EXPECT_EQ(ToHex(ByteView(bytes).first(8)), ToHex(Bytes{'T', 'S', 'R', 'K', 1, 0, 0, 0}));
  EXPECT_EQ(std::filesystem::status(folder / "key").permissions(),
            perms::owner_read | perms::owner_write);
  const std::string_view text = AsText(bytes);
  EXPECT_EQ(text.find(AsText(keys.account.secret())), std::string_view::npos);
  EXPECT_EQ(text.find(AsText(keys.authentication.seed().view())), std::string_view::npos);
  EXPECT_EQ(ReadCode(folder / "key", ""), StatusCode::kOk);
}

TEST(KeyFile, RefusesAWrongPassphrase) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteKeyFile(folder / "key", GenerateKeyPair(), kPassphrase).ok());
  EXPECT_EQ(ReadCode(folder / "key", "correct horse battery stapl"), StatusCode::kPermissionDenied);
  EXPECT_EQ(ReadCode(folder / "key", ""), StatusCode::kPermissionDenied);
}

TEST(KeyFile, NeverReplacesAKey) {
  TemporaryFolder folder;
  const KeyPair keys = GenerateKeyPair();
  ASSERT_TRUE(WriteKeyFile(folder / "key", keys, kPassphrase).ok());
  EXPECT_EQ(WriteKeyFile(folder / "key", GenerateKeyPair(), kPassphrase).code(),
            StatusCode::kAlreadyExists);
  EXPECT_EQ(ReadKeyFile(folder / "key", kPassphrase)->account.address(), keys.account.address());
  // A dangling link is a name that is taken, too.
  std::filesystem::create_symlink(folder / "absent", folder / "link");
  EXPECT_EQ(WriteKeyFile(folder / "link", keys, kPassphrase).code(), StatusCode::kAlreadyExists);
}

TEST(KeyFile, RefusesAFileThatOthersMayUse) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteKeyFile(folder / "key", GenerateKeyPair(), kPassphrase).ok());
  const perms mine = perms::owner_read | perms::owner_write;
  for (perms other : {perms::group_read, perms::others_read, perms::group_write}) {
    std::filesystem::permissions(folder / "key", mine | other);
    const absl::Status status = ReadKeyFile(folder / "key", kPassphrase).status();
    EXPECT_EQ(status.code(), StatusCode::kPermissionDenied);
    EXPECT_THAT(std::string(status.message()), HasSubstr("chmod 600"));
  }
  std::filesystem::permissions(folder / "key", mine);
  EXPECT_EQ(ReadCode(folder / "key"), StatusCode::kOk);
}

TEST(KeyFile, ReportsAnAbsentFile) {
  TemporaryFolder folder;
  EXPECT_EQ(ReadCode(folder / "absent"), StatusCode::kNotFound);
  EXPECT_EQ(WriteKeyFile(folder / "no/folder", GenerateKeyPair(), kPassphrase).code(),
            StatusCode::kNotFound);
}

TEST(KeyFile, RefusesEveryOtherLength) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteKeyFile(folder / "key", GenerateKeyPair(), kPassphrase).ok());
  const Bytes bytes = ReadFile(folder / "key").value();
  for (size_t size : {0, 1, 7, 8, 64, 127, 129, 100'000}) {
    Bytes changed = bytes;
    changed.resize(size);
    ASSERT_TRUE(WriteFileAtomic(folder / "changed", changed, 0600).ok());
    EXPECT_EQ(ReadCode(folder / "changed"), StatusCode::kDataLoss) << size;
  }
}

TEST(KeyFile, RefusesAnyChangedByte) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteKeyFile(folder / "key", GenerateKeyPair(), kPassphrase).ok());
  const Bytes bytes = ReadFile(folder / "key").value();
  // Magic, version and reserved field; then one byte each of salt, nonce, tag and ciphertext.
  for (size_t place : {0, 3, 4, 5, 6, 7, 8, 24, 48, 127}) {
    Bytes changed = bytes;
    changed[place] ^= 0x80;
    ASSERT_TRUE(WriteFileAtomic(folder / "changed", changed, 0600).ok());
    EXPECT_EQ(ReadCode(folder / "changed"),
              place < 8 ? StatusCode::kDataLoss : StatusCode::kPermissionDenied)
        << place;
  }
}

TEST(Passphrase, ComesFromTheFileWithoutItsTrailingNewlines) {
  TemporaryFolder folder;
  ASSERT_TRUE(WriteFileAtomic(folder / "passphrase", AsBytes("two words\n\n")).ok());
  EXPECT_EQ(ReadPassphrase(folder / "passphrase").value(), "two words");
  EXPECT_EQ(ReadPassphrase(folder / "absent").status().code(), StatusCode::kNotFound);
}

TEST(Passphrase, ComesFromTheEnvironmentWithoutAFile) {
  ASSERT_EQ(setenv("TESSERA_PASSPHRASE", "from outside", 1), 0);
  EXPECT_EQ(ReadPassphrase("").value(), "from outside");
  ASSERT_EQ(unsetenv("TESSERA_PASSPHRASE"), 0);
  EXPECT_EQ(ReadPassphrase("").status().code(), StatusCode::kInvalidArgument);
}

}  // namespace
}  // namespace tessera
