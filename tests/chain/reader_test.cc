#include "chain/reader.h"

#include "chain/account.h"
#include "gtest/gtest.h"
#include "tests/chain/anvil_fixture.h"
#include "tests/chain/gate_contract.h"
#include "tests/chain/hostile_node.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::Anvil;
using testing::GateCreationCode;
using testing::GateTopic;
using testing::HostileNode;

// A node with one gate contract that was incremented in each of three blocks.
class ReaderTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    absl::StatusOr<std::unique_ptr<Anvil>> anvil = Anvil::Start({}, {"NotOpen(uint256)"});
    ASSERT_TRUE(anvil.ok()) << anvil.status();
    anvil_ = *std::move(anvil);
    absl::StatusOr<std::unique_ptr<Account>> account =
        Account::Open(anvil_->rpc(), anvil_->FundedKey(1), clock_, {});
    ASSERT_TRUE(account.ok()) << account.status();
    const absl::StatusOr<Receipt> deployed = (*account)->Send({.data = GateCreationCode()});
    ASSERT_TRUE(deployed.ok()) << deployed.status();
    gate_ = deployed->created.value();
    first_block_ = deployed->block_number + 1;
    for (int i = 0; i < 3; ++i) ASSERT_TRUE((*account)->Send({.to = gate_}).ok());
  }
  static void TearDownTestSuite() { anvil_.reset(); }
  void SetUp() override { ASSERT_NE(first_block_, 0u); }

  Reader reader() { return anvil_->reader(); }
  uint64_t CountAt(const BlockId& at) {
    const absl::StatusOr<Bytes> value = reader().Call(gate_, {}, at);
    EXPECT_TRUE(value.ok()) << value.status();
    return *AbiReader(*value).Uint64("counter") - 1;
  }

  static SystemClock clock_;
  static std::unique_ptr<Anvil> anvil_;
  static Address gate_;
  static uint64_t first_block_;
};

SystemClock ReaderTest::clock_;
std::unique_ptr<Anvil> ReaderTest::anvil_;
Address ReaderTest::gate_;
uint64_t ReaderTest::first_block_ = 0;

TEST_F(ReaderTest, CallsAtTheChosenBlock) {
  EXPECT_EQ(CountAt(BlockId::Latest()), 3u);
  EXPECT_EQ(CountAt(BlockId::Pending()), 3u);
  EXPECT_EQ(CountAt(BlockId::Number(first_block_)), 1u);
  const Digest hash = reader().Block(BlockId::Number(first_block_ + 1))->hash;
  EXPECT_EQ(CountAt(BlockId::Hash(hash)), 2u);
}

TEST_F(ReaderTest, ARevertingCallGivesItsReason) {
  const absl::Status status =
      reader().Call(gate_, CallData("NotOpen(uint256)").Uint(3).Encode()).status();
  EXPECT_TRUE(IsRevert(status, "NotOpen(uint256)")) << status;
  EXPECT_EQ(status.message(), "eth_call: reverted: NotOpen(3)");
}

TEST_F(ReaderTest, ReadsAccounts) {
  const Address sender = Anvil::TestKey(1).address();
  EXPECT_EQ(*reader().ChainId(), testing::kAnvilChainId);
  EXPECT_EQ(*reader().TransactionCount(sender), 4u);
  EXPECT_GT(*reader().BalanceWei(sender), 0u);
  EXPECT_EQ(*reader().BalanceWei(Address{}, BlockId::Number(0)), 0u);
  EXPECT_EQ(reader().Code(gate_)->size(), 48u);
  EXPECT_TRUE(reader().Code(sender)->empty());
}

TEST_F(ReaderTest, HeadersAreProvenAndNamedTheSameByNumberAndHash) {
  const absl::StatusOr<BlockHeader> by_number = reader().Header(BlockId::Number(first_block_));
  ASSERT_TRUE(by_number.ok()) << by_number.status();
  EXPECT_EQ(by_number->number, first_block_);
  const absl::StatusOr<BlockHeader> by_hash = reader().Header(BlockId::Hash(by_number->hash));
  ASSERT_TRUE(by_hash.ok()) << by_hash.status();
  EXPECT_EQ(by_hash->rlp, by_number->rlp);
  EXPECT_EQ(reader().Header(BlockId::Number(first_block_ + 1))->parent_hash, by_number->hash);
}

TEST_F(ReaderTest, ABlockOfTheFutureIsNotFound) {
  EXPECT_EQ(reader().Block(BlockId::Number(1'000'000)).status().code(),
            absl::StatusCode::kNotFound);
  EXPECT_EQ(reader().Header(BlockId::Hash(Digest{})).status().code(), absl::StatusCode::kNotFound);
}

TEST_F(ReaderTest, ConfirmedBlocksCountFromTheHead) {
  const uint64_t head = reader().Block(BlockId::Latest())->number;
  EXPECT_EQ(reader().ConfirmedBlock(1)->number, head);
  EXPECT_EQ(reader().ConfirmedBlock(2)->number, head - 1);
  EXPECT_EQ(reader().ConfirmedBlock(head + 1)->number, 0u);
  EXPECT_EQ(reader().ConfirmedBlock(head + 2)->number, 0u);
}

TEST_F(ReaderTest, FindsLogsByContractTopicAndRange) {
  LogFilter filter{.addresses = {gate_},
                   .topics = {{GateTopic()}},
                   .from_block = first_block_,
                   .to_block = first_block_ + 2};
  const absl::StatusOr<std::vector<Log>> logs = reader().Logs(filter);
  ASSERT_TRUE(logs.ok()) << logs.status();
  ASSERT_EQ(logs->size(), 3u);
  for (uint64_t i = 0; i < 3; ++i) {
    EXPECT_EQ((*logs)[i].block_number, first_block_ + i);
    EXPECT_EQ(*AbiReader((*logs)[i].data).Uint64("counter"), i + 1);
  }
  filter.from_block = first_block_ + 2;
  EXPECT_EQ(reader().Logs(filter)->size(), 1u);
  filter.topics = {{Digest{}}};
  EXPECT_TRUE(reader().Logs(filter)->empty());
  filter.topics = {{Digest{}, GateTopic()}};
  EXPECT_EQ(reader().Logs(filter)->size(), 1u);
  filter.topics = {{}};
  EXPECT_EQ(reader().Logs(filter)->size(), 1u);
  filter.addresses = {Address{}};
  EXPECT_TRUE(reader().Logs(filter)->empty());
  filter.from_block = filter.to_block + 1;
  EXPECT_EQ(reader().Logs(filter).status().code(), absl::StatusCode::kInvalidArgument);
}

TEST_F(ReaderTest, AnUnknownTransactionHasNoReceipt) {
  EXPECT_EQ(*reader().TransactionReceipt(Digest{}), std::nullopt);
}

json SomeLog(uint64_t block_number) {
  return {{"address", Address{}.hex()},
          {"topics", json::array()},
          {"data", "0x"},
          {"blockNumber", "0x" + std::to_string(block_number)},
          {"blockHash", Digest{}.hex()},
          {"transactionHash", Digest{}.hex()},
          {"logIndex", "0x0"}};
}

// Asks a node that answers every call with `result`.
absl::Status LogsFrom(const json& result) {
  HostileNode node([&](const json& request) { return HostileNode::Result(request, result); });
  JsonRpc rpc({.urls = {node.url()}});
  return Reader(rpc).Logs({.from_block = 5, .to_block = 6}).status();
}

TEST(ReaderHostileTest, LogsOutsideTheQuestionAreRefused) {
  EXPECT_TRUE(LogsFrom({SomeLog(5), SomeLog(6)}).ok());
  EXPECT_EQ(LogsFrom({SomeLog(4)}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LogsFrom({SomeLog(7)}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LogsFrom({1}).code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(LogsFrom("0x").code(), absl::StatusCode::kUnavailable);
}

TEST(ReaderHostileTest, LongRangesAreAskedInPieces) {
  std::vector<std::pair<std::string, std::string>> asked;
  HostileNode node([&](const json& request) {
    asked.emplace_back(request["params"][0]["fromBlock"], request["params"][0]["toBlock"]);
    return HostileNode::Result(request, json::array());
  });
  JsonRpc rpc({.urls = {node.url()}});
  ASSERT_TRUE(Reader(rpc).Logs({.from_block = 0, .to_block = 2000}).ok());
  EXPECT_EQ(asked, (std::vector<std::pair<std::string, std::string>>{
                       {"0x0", "0x3e7"}, {"0x3e8", "0x7cf"}, {"0x7d0", "0x7d0"}}));
}

TEST(ReaderHostileTest, AFalseAnswerMovesOnToTheNextNode) {
  HostileNode liar(
      [](const json& request) { return HostileNode::Result(request, json::object()); });
  HostileNode good([](const json& request) { return HostileNode::Result(request, "0x5"); });
  JsonRpc rpc({.urls = {liar.url(), good.url()}});
  const Reader reader(rpc);
  EXPECT_EQ(reader.ChainId().status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(*reader.ChainId(), 5u);
}

TEST(ReaderHostileTest, EveryQuestionSurvivesAnswersOfTheWrongShape) {
  json result;
  HostileNode node([&](const json& request) { return HostileNode::Result(request, result); });
  JsonRpc rpc({.urls = {node.url()}});
  const Reader reader(rpc);
  for (const json& shape : {json(7), json("zz"), json(true), json::array({1}), json::object(),
                            json{{"number", "0x1"}}, json("0x" + std::string(70, 'f'))}) {
    result = shape;
    SCOPED_TRACE(shape.dump());
    EXPECT_EQ(reader.ChainId().status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(reader.BalanceWei({}).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(reader.Block(BlockId::Latest()).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(reader.Header(BlockId::Latest()).status().code(), absl::StatusCode::kUnavailable);
    EXPECT_EQ(reader.TransactionReceipt({}).status().code(), absl::StatusCode::kUnavailable);
  }
}

}  // namespace
}  // namespace tessera::chain
