// An Account behind a node that loses answers, lies, or disappears.
#include <atomic>

#include "chain/account.h"
#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/chain/anvil_fixture.h"
#include "tests/chain/gate_contract.h"
#include "tests/chain/hostile_node.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::Anvil;
using testing::GateCreationCode;
using ::testing::HasSubstr;
using testing::HostileNode;

class AccountFaultsTest : public ::testing::Test {
 protected:
  void SetUp() override {
    absl::StatusOr<std::unique_ptr<Anvil>> anvil = Anvil::Start();
    ASSERT_TRUE(anvil.ok()) << anvil.status();
    anvil_ = *std::move(anvil);
    absl::StatusOr<std::unique_ptr<Account>> deployer =
        Account::Open(anvil_->rpc(), anvil_->FundedKey(1), clock_, {});
    ASSERT_TRUE(deployer.ok()) << deployer.status();
    const absl::StatusOr<Receipt> deployed = (*deployer)->Send({.data = GateCreationCode()});
    ASSERT_TRUE(deployed.ok()) << deployed.status();
    gate_ = deployed->created.value();
  }

  // Passes a request on to the real node.
  std::string Forward(const json& request) {
    const std::string method = request["method"];
    const absl::StatusOr<json> result = anvil_->rpc().Call(method, request["params"]);
    if (result.ok()) return HostileNode::Result(request, *result);
    const bool is_aborted = result.status().code() == absl::StatusCode::kAborted;
    return HostileNode::Error(
        request, {{"code", -32000}, {"message", is_aborted ? "nonce too low" : "refused"}});
  }

  std::unique_ptr<Account> OpenThrough(JsonRpc& rpc) {
    AccountOptions options;
    options.poll_interval_ms = 1;
    options.deadline_ms = 20'000;
    absl::StatusOr<std::unique_ptr<Account>> account =
        Account::Open(rpc, anvil_->FundedKey(2), clock_, options);
    if (!account.ok()) ADD_FAILURE() << account.status();
    return *std::move(account);
  }

  uint64_t Count() { return *AbiReader(*anvil_->reader().Call(gate_, {})).Uint64("counter") - 1; }

  SystemClock clock_;
  std::unique_ptr<Anvil> anvil_;
  Address gate_;
};

TEST_F(AccountFaultsTest, ALostAnswerDoesNotSendTwice) {
  std::atomic<int> lost = 0;
  HostileNode node([&](const json& request) {
    const std::string answer = Forward(request);
    if (request["method"] == "eth_sendRawTransaction" && lost++ == 0) return std::string();
    return answer;
  });
  JsonRpc rpc({.urls = {node.url()}});
  const std::unique_ptr<Account> account = OpenThrough(rpc);
  const absl::StatusOr<Receipt> receipt = account->Send({.to = gate_});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(Count(), 1u);
}

TEST_F(AccountFaultsTest, AnUndeliveredTransactionIsBroadcastAgain) {
  std::atomic<int> refused = 0;
  HostileNode node([&](const json& request) {
    if (request["method"] == "eth_sendRawTransaction" && refused++ < 3) {
      return HostileNode::Http("garbage");
    }
    return Forward(request);
  });
  JsonRpc rpc({.urls = {node.url()}});
  const absl::StatusOr<Receipt> receipt = OpenThrough(rpc)->Send({.to = gate_});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(refused, 4);
  EXPECT_EQ(Count(), 1u);
}

TEST_F(AccountFaultsTest, FailsOverInTheMiddleOfAnAction) {
  std::atomic<bool> is_down = false;
  HostileNode flaky([&](const json& request) {
    if (request["method"] == "eth_sendRawTransaction") is_down = true;
    return is_down ? std::string() : Forward(request);
  });
  JsonRpc rpc({.urls = {flaky.url(), anvil_->url()}});
  const absl::StatusOr<Receipt> receipt = OpenThrough(rpc)->Send({.to = gate_});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(Count(), 1u);
}

TEST_F(AccountFaultsTest, AReceiptForABlockThatIsNotCanonicalIsNotBelieved) {
  std::atomic<int> lies = 0;
  HostileNode node([&](const json& request) {
    if (request["method"] == "eth_getTransactionReceipt" && lies < 3) {
      json receipt = *anvil_->rpc().Call("eth_getTransactionReceipt", request["params"]);
      if (receipt.is_object()) {
        ++lies;
        receipt["blockHash"] = Digest{}.hex();
      }
      return HostileNode::Result(request, receipt);
    }
    return Forward(request);
  });
  JsonRpc rpc({.urls = {node.url()}});
  const absl::StatusOr<Receipt> receipt = OpenThrough(rpc)->Send({.to = gate_});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(lies, 3);
  EXPECT_FALSE(receipt->block_hash.is_zero());
}

// Nodes raise the nonce a moment before they find the receipt.
TEST_F(AccountFaultsTest, AReceiptThatComesLateDoesNotSendTwice) {
  std::atomic<int> hidden = 0;
  HostileNode node([&](const json& request) {
    if (request["method"] == "eth_getTransactionReceipt" && hidden < 2) {
      ++hidden;
      return HostileNode::Result(request, nullptr);
    }
    return Forward(request);
  });
  JsonRpc rpc({.urls = {node.url()}});
  const absl::StatusOr<Receipt> receipt = OpenThrough(rpc)->Send({.to = gate_});
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(hidden, 2);
  EXPECT_EQ(Count(), 1u);
}

TEST_F(AccountFaultsTest, ASilentChainEndsAtTheDeadlineWithTheReason) {
  std::atomic<bool> is_down = false;
  HostileNode node([&](const json& request) {
    if (request["method"] == "eth_sendRawTransaction") is_down = true;
    return is_down ? HostileNode::Http("garbage") : Forward(request);
  });
  JsonRpc rpc({.urls = {node.url()}});
  const std::unique_ptr<Account> account = OpenThrough(rpc);
  const absl::StatusOr<Ticket> ticket = account->Submit({.to = gate_});
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  const absl::Status status = account->Await(*ticket, 50).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("answer is not JSON"));
}

TEST_F(AccountFaultsTest, OpeningNeedsANode) {
  JsonRpc rpc({.urls = {"http://127.0.0.1:1"}});
  EXPECT_EQ(Account::Open(rpc, Anvil::TestKey(1), clock_, {}).status().code(),
            absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tessera::chain
