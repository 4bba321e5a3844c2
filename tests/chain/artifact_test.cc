#include "chain/artifact.h"

#include <unistd.h>

#include <fstream>

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

using ::testing::ElementsAre;

class ArtifactTest : public ::testing::Test {
 protected:
  ArtifactTest() {
    std::string name = (std::filesystem::temp_directory_path() / "artifact_test.XXXXXX").string();
    out_dir_ = ::mkdtemp(name.data());
  }
  ~ArtifactTest() override { std::filesystem::remove_all(out_dir_); }

  absl::StatusOr<Artifact> Load(const std::string& text) {
    std::filesystem::create_directories(out_dir_ / "Vault.sol");
    std::ofstream(out_dir_ / "Vault.sol" / "Vault.json") << text;
    return LoadArtifact(out_dir_, "Vault");
  }

  std::filesystem::path out_dir_;
};

TEST_F(ArtifactTest, ReadsCodeAndErrors) {
  const absl::StatusOr<Artifact> artifact = Load(R"({
    "abi": [
      {"type": "function", "name": "open", "inputs": []},
      {"type": "error", "name": "NotOpen", "inputs": []},
      {"type": "error", "name": "Bad", "inputs": [
        {"name": "id", "type": "uint256"},
        {"name": "list", "type": "tuple[]", "components": [
          {"name": "who", "type": "address"},
          {"name": "inner", "type": "tuple", "components": [{"name": "x", "type": "bytes32"}]}]}]}],
    "bytecode": {"object": "0x6001"}})");
  ASSERT_TRUE(artifact.ok()) << artifact.status();
  EXPECT_EQ(artifact->creation_code, (Bytes{0x60, 0x01}));
  EXPECT_THAT(artifact->error_signatures,
              ElementsAre("NotOpen()", "Bad(uint256,(address,(bytes32))[])"));
}

TEST_F(ArtifactTest, RefusesCodeThatCannotBeDeployed) {
  EXPECT_EQ(Load(R"({"bytecode": {"object": "0x"}})").status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(Load(R"({"bytecode": {"object": "0x60__$abcdef$__"}})").status().code(),
            absl::StatusCode::kFailedPrecondition);
}

TEST_F(ArtifactTest, RefusesWhatIsNoArtifact) {
  for (const char* text : {"", "[]", "{}", R"({"bytecode": {"object": "0x6"}})"}) {
    EXPECT_EQ(Load(text).status().code(), absl::StatusCode::kInvalidArgument) << text;
  }
}

TEST_F(ArtifactTest, NamesStayInsideTheFolder) {
  EXPECT_EQ(LoadArtifact(out_dir_, "Absent").status().code(), absl::StatusCode::kNotFound);
  for (const char* name : {"", "../Vault", "a/b", "Vault.sol"}) {
    EXPECT_EQ(LoadArtifact(out_dir_, name).status().code(), absl::StatusCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace tessera::chain
