#include "chain/json_rpc_error.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

using nlohmann::json;

absl::Status StatusOf(const json& error) {
  return StatusOfNodeError(error, RevertDecoder(std::vector<std::string>{"NotOpen()"}));
}

absl::StatusCode CodeOf(int code, std::string_view message) {
  return StatusOf({{"code", code}, {"message", message}}).code();
}

TEST(JsonRpcErrorTest, KeepsAndDecodesRevertData) {
  const std::string data = SelectorOf("NotOpen()").hex();
  for (const json& form : {json(data), json{{"data", data}}}) {
    const absl::Status status =
        StatusOf({{"code", 3}, {"message", "execution reverted"}, {"data", form}});
    EXPECT_TRUE(IsRevert(status, "NotOpen()")) << status;
    EXPECT_EQ(status.message(), "reverted: NotOpen()");
  }
}

TEST(JsonRpcErrorTest, ARevertWithoutDataKeepsTheNodesWords) {
  const absl::Status status = StatusOf({{"code", -32000}, {"message", "execution reverted"}});
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(status.message(), "execution reverted (code -32000)");
  EXPECT_EQ(RevertDataOf(status), std::nullopt);
}

// The words are those of geth, anvil, nethermind, erigon.
TEST(JsonRpcErrorTest, TellsApartWhyATransactionIsRefused) {
  EXPECT_EQ(CodeOf(-32000, "already known"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(-32003, "transaction already imported"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(-32010, "AlreadyKnown"), absl::StatusCode::kAlreadyExists);
  EXPECT_EQ(CodeOf(-32003, "nonce too low"), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf(-32000, "nonce too low: next nonce 5, tx nonce 4"), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf(-32010, "OldNonce, Current nonce: 5"), absl::StatusCode::kAborted);
  EXPECT_EQ(CodeOf(-32000, "replacement transaction underpriced"), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf(-32000, "max fee per gas less than block base fee: address 0x"),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(CodeOf(-32000, "insufficient funds for gas * price + value"),
            absl::StatusCode::kFailedPrecondition);
}

TEST(JsonRpcErrorTest, OverloadAsksAnotherNode) {
  EXPECT_EQ(CodeOf(-32005, "daily request count exceeded"), absl::StatusCode::kUnavailable);
  EXPECT_EQ(CodeOf(-32000, "Too Many Requests"), absl::StatusCode::kUnavailable);
}

TEST(JsonRpcErrorTest, MistakesOfTheCallerHaveTheirCodes) {
  EXPECT_EQ(CodeOf(-32601, "Method not found"), absl::StatusCode::kUnimplemented);
  EXPECT_EQ(CodeOf(-32602, "invalid params"), absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(CodeOf(-32600, "invalid request"), absl::StatusCode::kInvalidArgument);
}

TEST(JsonRpcErrorTest, MalformedErrorsAskAnotherNode) {
  for (const json& error :
       {json("text"), json(7), json::object(), json{{"code", 3}}, json{{"message", "revert"}},
        json{{"code", "3"}, {"message", "x"}}, json{{"code", 3}, {"message", 3}}}) {
    EXPECT_EQ(StatusOf(error).code(), absl::StatusCode::kUnavailable) << error;
  }
}

TEST(JsonRpcErrorTest, HostileTextIsCleanedAndBounded) {
  const absl::Status status =
      StatusOf({{"code", 1}, {"message", "\n\x1b[2J" + std::string(100'000, 'x')}});
  EXPECT_LT(status.message().size(), 300u);
  EXPECT_EQ(status.message().find('\x1b'), absl::string_view::npos);
}

}  // namespace
}  // namespace tessera::chain
