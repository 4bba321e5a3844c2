// An Account against a real node: sending, reverts, nonces, replacements, reorganisations.
#include "chain/account.h"

#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/chain/anvil_fixture.h"
#include "tests/chain/gate_contract.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::Anvil;
using testing::GateCreationCode;
using testing::GateTopic;
using ::testing::HasSubstr;

class AccountTest : public ::testing::Test {
 protected:
  // One node that mines at once, and one that mines when told, serve all tests of this file.
  static void SetUpTestSuite() {
    eager_ = StartOrDie({});
    manual_ = StartOrDie({"--no-mining"});
  }
  static void TearDownTestSuite() {
    eager_.reset();
    manual_.reset();
  }
  static std::unique_ptr<Anvil> StartOrDie(std::vector<std::string> args) {
    absl::StatusOr<std::unique_ptr<Anvil>> anvil = Anvil::Start(args, {"NotOpen(uint256)"});
    if (!anvil.ok()) ADD_FAILURE() << anvil.status();
    return anvil.ok() ? *std::move(anvil) : nullptr;
  }

  void SetUp() override { ASSERT_TRUE(eager_ != nullptr && manual_ != nullptr); }

  // The account's deadlines follow the system's clock, so that a failing test ends.
  std::unique_ptr<Account> Open(Anvil& anvil, const Secp256k1Key& key) {
    return Open(anvil, key, system_clock_, {});
  }
  std::unique_ptr<Account> Open(Anvil& anvil, const Secp256k1Key& key, const Clock& clock,
                                AccountOptions options) {
    options.poll_interval_ms = 1;
    options.deadline_ms = 20'000;
    absl::StatusOr<std::unique_ptr<Account>> account =
        Account::Open(anvil.rpc(), key, clock, options);
    if (!account.ok()) ADD_FAILURE() << account.status();
    return *std::move(account);
  }
  std::unique_ptr<Account> OpenNew(Anvil& anvil, AccountOptions options = {}) {
    return Open(anvil, anvil.FundedKey(next_key_++), system_clock_, options);
  }
  // With a clock that the test moves.
  std::unique_ptr<Account> OpenNewWithManualClock(Anvil& anvil, AccountOptions options) {
    return Open(anvil, anvil.FundedKey(next_key_++), clock_, options);
  }

  // A fresh gate contract.
  Address Deploy(Anvil& anvil) {
    const std::unique_ptr<Account> deployer = OpenNew(anvil);
    const absl::StatusOr<Ticket> ticket =
        deployer->Submit({.data = CreationData(GateCreationCode()).Encode()});
    EXPECT_TRUE(ticket.ok()) << ticket.status();
    if (&anvil == manual_.get()) anvil.Mine();
    const absl::StatusOr<Receipt> receipt = deployer->Await(*ticket, 20'000);
    EXPECT_TRUE(receipt.ok()) << receipt.status();
    return receipt->created.value();
  }

  static uint64_t Count(Anvil& anvil, const Address& gate) {
    const absl::StatusOr<Bytes> next = anvil.reader().Call(gate, {});
    EXPECT_TRUE(next.ok()) << next.status();
    return *AbiReader(*next).Uint64("counter") - 1;
  }
  static Action Increment(const Address& gate) { return {.to = gate}; }
  static uint64_t PoolSize(Anvil& anvil) {
    return std::stoull(anvil.MustCall("txpool_status", json::array())["pending"].get<std::string>(),
                       nullptr, 16);
  }

  static std::unique_ptr<Anvil> eager_;
  static std::unique_ptr<Anvil> manual_;
  static uint64_t next_key_;
  ManualClock clock_{1'000'000};
  SystemClock system_clock_;
};

std::unique_ptr<Anvil> AccountTest::eager_;
std::unique_ptr<Anvil> AccountTest::manual_;
uint64_t AccountTest::next_key_ = 100;

TEST_F(AccountTest, DeploysAtThePredictedAddressAndReportsTheReceipt) {
  const std::unique_ptr<Account> account = OpenNew(*eager_);
  EXPECT_EQ(account->chain_id(), testing::kAnvilChainId);
  const absl::StatusOr<Receipt> deployed = account->Send({.data = GateCreationCode()});
  ASSERT_TRUE(deployed.ok()) << deployed.status();
  EXPECT_EQ(deployed->created, CreatedAddress(account->address(), 0));

  const absl::StatusOr<Receipt> receipt = account->Send(Increment(*deployed->created));
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->outcome, TxOutcome::kSucceeded);
  EXPECT_GT(receipt->gas_used, 21'000u);
  EXPECT_GE(receipt->effective_gas_price_wei, kWeiPerGwei);
  EXPECT_EQ(receipt->created, std::nullopt);
  ASSERT_EQ(receipt->logs.size(), 1u);
  EXPECT_EQ(receipt->logs[0].address, *deployed->created);
  EXPECT_EQ(receipt->logs[0].topics, std::vector{GateTopic()});
  EXPECT_EQ(*AbiReader(receipt->logs[0].data).Uint64("counter"), 1u);
  EXPECT_EQ(receipt->logs[0].tx_hash, receipt->tx_hash);
  EXPECT_EQ(account->under_way(), 0u);
}

TEST_F(AccountTest, SendsTheNativeCoin) {
  const std::unique_ptr<Account> account = OpenNew(*eager_);
  Address receiver;
  receiver.data()[0] = 0x77;
  ASSERT_TRUE(account->Send({.to = receiver, .value_wei = 123}).ok());
  EXPECT_EQ(*eager_->reader().BalanceWei(receiver), 123u);
}

TEST_F(AccountTest, ACallThatWouldRevertIsNotSent) {
  const Address gate = Deploy(*eager_);
  const std::unique_ptr<Account> account = OpenNew(*eager_);
  ASSERT_TRUE(account->Send(Increment(gate)).ok());
  const absl::Status status =
      account->Send({.to = gate, .data = CallData("NotOpen(uint256)").Uint(7).Encode()}).status();
  EXPECT_TRUE(IsRevert(status, "NotOpen(uint256)")) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("NotOpen(7)"));
  EXPECT_EQ(*eager_->reader().TransactionCount(account->address()), 1u);
}

TEST_F(AccountTest, ARevertOnTheChainIsDecodedAndFinal) {
  const Address gate = Deploy(*manual_);
  const std::unique_ptr<Account> account = OpenNew(*manual_);
  const absl::StatusOr<Ticket> ticket =
      account->Submit({.to = gate, .data = CallData("NotOpen(uint256)").Uint(9).Encode()});
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  manual_->MustCall("anvil_setStorageAt", {gate.hex(), "0x0", WordOf(1).hex()});
  manual_->Mine();
  const absl::Status status = account->Await(*ticket, 20'000).status();
  EXPECT_TRUE(IsRevert(status, "NotOpen(uint256)")) << status;
  EXPECT_THAT(std::string(status.message()), HasSubstr("NotOpen(9)"));
  EXPECT_EQ(account->Poll(*ticket).status().code(), absl::StatusCode::kNotFound);
}

// The state before the block does not show why: another transaction of the same block is to blame.
TEST_F(AccountTest, ARevertCausedWithinItsBlockIsDecoded) {
  const Address gate = Deploy(*manual_);
  AccountOptions eager_to_pay;
  eager_to_pay.fees.tip_wei = absl::uint128{50} * kWeiPerGwei;
  const std::unique_ptr<Account> first = OpenNew(*manual_, eager_to_pay);
  const std::unique_ptr<Account> second = OpenNew(*manual_);
  const Ticket reverting =
      *second->Submit({.to = gate, .data = CallData("NotOpen(uint256)").Uint(4).Encode()});
  ASSERT_TRUE(first->Submit(Increment(gate)).ok());
  manual_->Mine();
  const absl::Status status = second->Await(reverting, 20'000).status();
  EXPECT_TRUE(IsRevert(status, "NotOpen(uint256)")) << status;
}

TEST_F(AccountTest, AnAccountWithoutMoneyIsRefused) {
  const std::unique_ptr<Account> account = Open(*eager_, Anvil::TestKey(next_key_++));
  EXPECT_EQ(account->Send({.to = account->address(), .value_wei = 1}).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(account->under_way(), 0u);
}

TEST_F(AccountTest, ABaseFeeAboveTheCeilingIsRefusedBeforeSigning) {
  AccountOptions options;
  options.fees = {.tip_wei = 1, .max_fee_ceiling_wei = 2};
  const std::unique_ptr<Account> account = OpenNew(*eager_, options);
  const absl::Status status = account->Send({.to = account->address()}).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kResourceExhausted);
  EXPECT_THAT(std::string(status.message()), HasSubstr("ceiling of 2 wei"));
}

TEST_F(AccountTest, ActionsUnderWayAreMinedInOrder) {
  const Address gate = Deploy(*manual_);
  const std::unique_ptr<Account> account = OpenNew(*manual_);
  std::vector<Ticket> tickets;
  for (int i = 0; i < 5; ++i) {
    const absl::StatusOr<Ticket> ticket = account->Submit(Increment(gate));
    ASSERT_TRUE(ticket.ok()) << ticket.status();
    tickets.push_back(*ticket);
  }
  EXPECT_EQ(*account->Poll(tickets[4]), std::nullopt);
  manual_->Mine();
  for (uint64_t i = 0; i < tickets.size(); ++i) {
    const absl::StatusOr<Receipt> receipt = account->Await(tickets[i], 20'000);
    ASSERT_TRUE(receipt.ok()) << receipt.status();
    EXPECT_EQ(*AbiReader(receipt->logs.at(0).data).Uint64("counter"), i + 1);
  }
}

TEST_F(AccountTest, BoundsTheActionsUnderWay) {
  const std::unique_ptr<Account> account = OpenNew(*manual_);
  const Action action{.to = account->address()};
  std::optional<Ticket> last;
  for (size_t i = 0; i < kUnderWayMax; ++i) last = *account->Submit(action);
  EXPECT_EQ(account->Submit(action).status().code(), absl::StatusCode::kResourceExhausted);
  manual_->Mine();
  EXPECT_TRUE(account->Await(*last, 20'000).ok());
  EXPECT_TRUE(account->Submit(action).ok());
  manual_->Mine();
}

TEST_F(AccountTest, ANonceTakenByAnotherProgramIsReplaced) {
  const Address gate = Deploy(*manual_);
  const Secp256k1Key key = manual_->FundedKey(next_key_++);
  const std::unique_ptr<Account> account = Open(*manual_, key);
  const absl::StatusOr<Ticket> ticket = account->Submit(Increment(gate));
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  // The same key elsewhere outbids the transaction with another one.
  const Bytes other = SignTransaction({.chain_id = testing::kAnvilChainId,
                                       .nonce = 0,
                                       .fees = {.max_fee_wei = absl::uint128{100} * kWeiPerGwei,
                                                .tip_wei = absl::uint128{50} * kWeiPerGwei},
                                       .gas_limit = 21'000,
                                       .to = key.address(),
                                       .value_wei = 0},
                                      key)
                          .raw;
  manual_->MustCall("eth_sendRawTransaction", json::array({ToHex(other)}));
  manual_->Mine();
  EXPECT_EQ(Count(*manual_, gate), 0u);
  // A receipt may come late: only the third look in a row believes that there is none.
  for (uint64_t signed_anew : {0, 0, 1}) {
    EXPECT_EQ(*account->Poll(*ticket), std::nullopt);
    EXPECT_EQ(PoolSize(*manual_), signed_anew);
  }
  manual_->Mine();
  const absl::StatusOr<Receipt> receipt = account->Await(*ticket, 20'000);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(Count(*manual_, gate), 1u);
}

TEST_F(AccountTest, AccountsInManyThreadsShareOneClient) {
  const Address gate = Deploy(*eager_);
  constexpr int kThreads = 6;
  constexpr int kSends = 5;
  std::atomic<int> sent = 0;
  std::vector<std::unique_ptr<Account>> accounts;
  for (int t = 0; t < kThreads; ++t) accounts.push_back(OpenNew(*eager_));
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < kSends; ++i) sent += accounts[t]->Send(Increment(gate)).ok();
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(sent, kThreads * kSends);
  EXPECT_EQ(Count(*eager_, gate), uint64_t{kThreads * kSends});
}

// Two processes with one key fight for nonces; each action still runs exactly once.
TEST_F(AccountTest, TwoProgramsWithOneKeyBothFinish) {
  const Address gate = Deploy(*eager_);
  const Secp256k1Key key = eager_->FundedKey(next_key_++);
  constexpr int kSends = 8;
  std::atomic<int> sent = 0;
  // Different values, for two equal transactions would be one and the same.
  const auto send_all = [&](std::unique_ptr<Account> account, uint64_t value_wei) {
    for (int i = 0; i < kSends; ++i) {
      const absl::StatusOr<Receipt> receipt = account->Send({.to = gate, .value_wei = value_wei});
      EXPECT_TRUE(receipt.ok()) << receipt.status();
      sent += receipt.ok();
    }
  };
  std::thread first(send_all, Open(*eager_, key), 1);
  std::thread second(send_all, Open(*eager_, key), 2);
  first.join();
  second.join();
  EXPECT_EQ(sent, 2 * kSends);
  EXPECT_EQ(Count(*eager_, gate), uint64_t{2 * kSends});
}

TEST_F(AccountTest, AStuckTransactionIsReplacedWithHigherFees) {
  const Address gate = Deploy(*manual_);
  AccountOptions options;
  options.bump_after_ms = 30'000;
  const std::unique_ptr<Account> account = OpenNewWithManualClock(*manual_, options);
  const absl::StatusOr<Ticket> ticket = account->Submit(Increment(gate));
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  const auto pending_tip = [&] {
    const json content = manual_->MustCall("txpool_content", json::array());
    for (const auto& [sender, by_nonce] : content["pending"].items()) {
      if (*Address::FromHex(sender) != account->address()) continue;
      return std::stoull(by_nonce["0"]["maxPriorityFeePerGas"].get<std::string>(), nullptr, 16);
    }
    return 0ull;
  };
  EXPECT_EQ(pending_tip(), kWeiPerGwei);
  clock_.Advance(29'999);
  EXPECT_EQ(*account->Poll(*ticket), std::nullopt);
  EXPECT_EQ(pending_tip(), kWeiPerGwei);
  clock_.Advance(1);
  EXPECT_EQ(*account->Poll(*ticket), std::nullopt);
  EXPECT_GE(8 * pending_tip(), 9 * kWeiPerGwei);
  manual_->Mine();
  const absl::StatusOr<Receipt> receipt = account->Await(*ticket, 20'000);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(Count(*manual_, gate), 1u);
}

TEST_F(AccountTest, TheDeadlineNamesTheCeilingAsTheObstacle) {
  const absl::uint128 base_fee = manual_->reader().Block(BlockId::Latest())->base_fee_wei;
  AccountOptions options;
  options.bump_after_ms = 10;
  options.fees = {.tip_wei = 1, .max_fee_ceiling_wei = 2 * base_fee + 1};
  const std::unique_ptr<Account> account = OpenNewWithManualClock(*manual_, options);
  const absl::StatusOr<Ticket> ticket = account->Submit({.to = account->address()});
  ASSERT_TRUE(ticket.ok()) << ticket.status();
  clock_.Advance(10);
  const absl::Status status = account->Await(*ticket, /*timeout_ms=*/0).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kDeadlineExceeded);
  EXPECT_THAT(std::string(status.message()), HasSubstr("above the ceiling"));
  EXPECT_EQ(account->under_way(), 1u);
  manual_->Mine();
  EXPECT_TRUE(account->Await(*ticket, 20'000).ok());
}

TEST_F(AccountTest, AnAbandonedActionIsSeenThroughAndForgotten) {
  const std::unique_ptr<Account> account = OpenNew(*manual_);
  const Action action{.to = account->address()};
  const Ticket abandoned = *account->Submit(action);
  account->Abandon(abandoned);
  EXPECT_EQ(account->Poll(abandoned).status().code(), absl::StatusCode::kNotFound);
  const Ticket next = *account->Submit(action);
  manual_->Mine();
  EXPECT_TRUE(account->Await(next, 20'000).ok());
  EXPECT_EQ(account->under_way(), 0u);
}

TEST_F(AccountTest, WaitsForTheWantedConfirmations) {
  AccountOptions options;
  options.confirmations = 3;
  const std::unique_ptr<Account> account = OpenNew(*manual_, options);
  const Ticket ticket = *account->Submit({.to = account->address()});
  for (int i = 0; i < 2; ++i) {
    manual_->Mine();
    EXPECT_EQ(*account->Poll(ticket), std::nullopt);
  }
  manual_->Mine();
  const absl::StatusOr<std::optional<Receipt>> receipt = account->Poll(ticket);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  ASSERT_TRUE(receipt->has_value());
  EXPECT_EQ((*receipt)->block_number + 2, manual_->reader().Block(BlockId::Latest())->number);
}

// The block that held the transaction is undone before it is deep enough.
TEST_F(AccountTest, AReorganisedTransactionIsSentAgainAndAwaited) {
  const Address gate = Deploy(*manual_);
  AccountOptions options;
  options.confirmations = 3;
  const std::unique_ptr<Account> account = OpenNew(*manual_, options);
  const Ticket ticket = *account->Submit(Increment(gate));
  manual_->Mine(2);
  EXPECT_EQ(*account->Poll(ticket), std::nullopt);
  EXPECT_EQ(Count(*manual_, gate), 1u);

  manual_->MustCall("anvil_reorg", {2, json::array()});
  EXPECT_EQ(Count(*manual_, gate), 0u);
  EXPECT_EQ(*account->Poll(ticket), std::nullopt);
  EXPECT_EQ(PoolSize(*manual_), 1u);  // Broadcast again.

  manual_->Mine(3);
  const absl::StatusOr<Receipt> receipt = account->Await(ticket, 20'000);
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(Count(*manual_, gate), 1u);
  EXPECT_EQ(manual_->reader().Block(BlockId::Number(receipt->block_number))->hash,
            receipt->block_hash);
}

}  // namespace
}  // namespace tessera::chain
