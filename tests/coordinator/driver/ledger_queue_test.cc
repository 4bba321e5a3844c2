#include "coordinator/anchor/ledger_queue.h"

#include <gtest/gtest.h>

#include <atomic>
#include <deque>

#include "base/status_macros.h"

namespace tessera::coordinator {
namespace {

constexpr std::chrono::seconds kPatience{30};

// Answers each action with the next status of a script, then with OK; notes every call.
class ScriptedLedger final : public Ledger {
 public:
  void Script(std::initializer_list<absl::StatusCode> codes) {
    std::lock_guard lock(mutex_);
    script_.assign(codes.begin(), codes.end());
  }
  // Actions wait until Release.
  void Hold() {
    std::lock_guard lock(mutex_);
    held_ = true;
  }
  void Release() {
    {
      std::lock_guard lock(mutex_);
      held_ = false;
    }
    changed_.notify_all();
  }
  bool WaitForCalls(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return calls_.size() >= count; });
  }
  std::vector<std::string> calls() {
    std::lock_guard lock(mutex_);
    return calls_;
  }

  absl::StatusOr<RoundAnchored> Anchor(const JobId&, const AnchorRound& effect) override {
    RETURN_IF_ERROR(Next("anchor " + std::to_string(effect.round)));
    return RoundAnchored{effect.round, {}, 1, 2};
  }
  absl::StatusOr<RoundSealed> Seal(const JobId&, const SealRound& effect) override {
    RETURN_IF_ERROR(Next("seal " + std::to_string(effect.round)));
    return RoundSealed{effect.round, {}, 2};
  }
  absl::StatusOr<DisputeDecided> Dispute(const JobId&, const DisputeWorker& effect) override {
    RETURN_IF_ERROR(Next("dispute"));
    return DisputeDecided{effect.round, effect.commitment.worker, true, Wei(), 2};
  }
  absl::StatusOr<RoundSettled> Settle(const JobId&, const SettleRound& effect) override {
    RETURN_IF_ERROR(Next("settle " + std::to_string(effect.round)));
    return RoundSettled{effect.round, {}, 0, 2};
  }
  absl::StatusOr<RoundFinalized> Finalize(const JobId&, RoundId round) override {
    RETURN_IF_ERROR(Next("finalize " + std::to_string(round)));
    return RoundFinalized{round, 2};
  }
  absl::StatusOr<RoundLapsed> Lapse(const JobId&, RoundId round) override {
    RETURN_IF_ERROR(Next("lapse " + std::to_string(round)));
    return RoundLapsed{round, 2};
  }
  absl::Status Close(const JobId&) override { return Next("close"); }
  absl::StatusOr<Escrow> EscrowOf(const JobId&) override { return Escrow{}; }
  absl::StatusOr<LedgerParameters> Parameters() override { return LedgerParameters{}; }
  absl::StatusOr<Wei> StakeOf(const WorkerId&) override { return Wei(); }

 private:
  absl::Status Next(const std::string& call) {
    std::unique_lock lock(mutex_);
    calls_.push_back(call);
    changed_.notify_all();
    changed_.wait(lock, [&] { return !held_; });
    if (script_.empty()) return absl::OkStatus();
    const absl::StatusCode code = script_.front();
    script_.pop_front();
    return code == absl::StatusCode::kOk ? absl::OkStatus() : absl::Status(code, "scripted");
  }

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<absl::StatusCode> script_;
  std::vector<std::string> calls_;
  bool held_ = false;
};

class LedgerQueueTest : public testing::Test {
 protected:
  LedgerQueueTest() { queue_.Start(); }
  ~LedgerQueueTest() override { ledger_.Release(); }

  // The clock moves only here; an effect that is never due makes the queue look at it again.
  void Advance(int64_t by_ms) {
    clock_.Advance(by_ms);
    EXPECT_TRUE(queue_.Offer(job_, FinalizeRound{poke_++, int64_t{1} << 60}));
  }
  bool WaitForConfirmations(size_t count) {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, kPatience, [&] { return confirmed_.size() >= count; });
  }

  const JobId job_{std::array<uint8_t, 32>{1}};
  ManualClock clock_{1'000'000};
  ScriptedLedger ledger_;
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<std::string> confirmed_;
  uint64_t poke_ = 1'000'000;
  LedgerQueue queue_{&ledger_, &clock_, [this](const JobId&, EventBody event) {
                       {
                         std::lock_guard lock(mutex_);
                         confirmed_.emplace_back(EventName(event));
                       }
                       changed_.notify_all();
                       return absl::OkStatus();
                     }};
};

TEST_F(LedgerQueueTest, ConfirmsEachKindOfEffectInTheOrderOfItsOffer) {
  ledger_.Hold();
  EXPECT_TRUE(queue_.Offer(job_, AnchorRound{3, {}, 1, 1, {}}));
  EXPECT_TRUE(queue_.Offer(job_, SealRound{3}));
  EXPECT_TRUE(queue_.Offer(job_, DisputeWorker{}));
  EXPECT_TRUE(queue_.Offer(job_, SettleRound{3, {}, {}, {}}));
  EXPECT_TRUE(queue_.Offer(job_, FinalizeRound{3, 0}));
  EXPECT_TRUE(queue_.Offer(job_, LapseRound{4}));
  EXPECT_TRUE(queue_.Offer(job_, CloseJob{}));
  ledger_.Release();
  ASSERT_TRUE(ledger_.WaitForCalls(7));
  EXPECT_EQ(ledger_.calls(), (std::vector<std::string>{"anchor 3", "seal 3", "dispute", "settle 3",
                                                       "finalize 3", "lapse 4", "close"}));
  ASSERT_TRUE(WaitForConfirmations(6));
  EXPECT_EQ(confirmed_,
            (std::vector<std::string>{"round-anchored", "round-sealed", "dispute-decided",
                                      "round-settled", "round-finalized", "round-lapsed"}));
}

TEST_F(LedgerQueueTest, LeavesWhatIsNotForTheChain) {
  EXPECT_FALSE(queue_.Offer(job_, AggregateUpdates{}));
  queue_.Stop();
  EXPECT_TRUE(ledger_.calls().empty());
}

TEST_F(LedgerQueueTest, TriesAFailedEffectAgainUntilTheChainHasIt) {
  ledger_.Script({absl::StatusCode::kUnavailable, absl::StatusCode::kFailedPrecondition});
  queue_.Offer(job_, AnchorRound{0, {}, 1, 1, {}});
  ASSERT_TRUE(ledger_.WaitForCalls(1));
  for (size_t calls = 2; calls <= 3; ++calls) {
    const auto deadline = std::chrono::steady_clock::now() + kPatience;
    while (ledger_.calls().size() < calls && std::chrono::steady_clock::now() < deadline)
      Advance(1'000);
  }
  ASSERT_TRUE(WaitForConfirmations(1));
  EXPECT_EQ(ledger_.calls(), (std::vector<std::string>(3, "anchor 0")));
}

TEST_F(LedgerQueueTest, LetsOtherEffectsPassWhileOneWaits) {
  ledger_.Script({absl::StatusCode::kUnavailable});
  queue_.Offer(job_, AnchorRound{0, {}, 1, 1, {}});
  ASSERT_TRUE(ledger_.WaitForCalls(1));
  queue_.Offer(job_, SealRound{7});
  ASSERT_TRUE(WaitForConfirmations(1));
  EXPECT_EQ(confirmed_.front(), "round-sealed");
}

TEST_F(LedgerQueueTest, AsksSoonAgainWhatTheChainHasNotReached) {
  // A failure pauses for half a second, "not yet" for a quarter.
  ledger_.Script({absl::StatusCode::kOutOfRange});
  queue_.Offer(job_, SealRound{0});
  ASSERT_TRUE(ledger_.WaitForCalls(1));
  const int64_t begin_ms = clock_.NowMs();
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  while (ledger_.calls().size() < 2 && std::chrono::steady_clock::now() < deadline &&
         clock_.NowMs() < begin_ms + 499) {
    Advance(1);
    std::this_thread::yield();
  }
  EXPECT_TRUE(WaitForConfirmations(1));
}

TEST_F(LedgerQueueTest, HoldsAFinalizationUntilItsTime) {
  queue_.Offer(job_, FinalizeRound{0, clock_.NowMs() + 10'000});
  queue_.Offer(job_, SealRound{1});
  ASSERT_TRUE(WaitForConfirmations(1));
  Advance(9'999);
  queue_.Offer(job_, SealRound{2});
  ASSERT_TRUE(WaitForConfirmations(2));
  EXPECT_EQ(ledger_.calls(), (std::vector<std::string>{"seal 1", "seal 2"}));
  Advance(1);
  ASSERT_TRUE(WaitForConfirmations(3));
  EXPECT_EQ(ledger_.calls().back(), "finalize 0");
}

TEST_F(LedgerQueueTest, QueuesEqualEffectsOnceAlsoWhileOneRuns) {
  ledger_.Hold();
  queue_.Offer(job_, SealRound{0});
  ASSERT_TRUE(ledger_.WaitForCalls(1));
  EXPECT_TRUE(queue_.Offer(job_, SealRound{0}));
  EXPECT_TRUE(queue_.Offer(job_, SealRound{1}));
  EXPECT_TRUE(queue_.Offer(job_, SealRound{1}));
  EXPECT_TRUE(queue_.Offer(JobId{}, SealRound{0}));  // Of another job.
  ledger_.Release();
  ASSERT_TRUE(WaitForConfirmations(3));
  queue_.Stop();
  EXPECT_EQ(ledger_.calls(), (std::vector<std::string>{"seal 0", "seal 1", "seal 0"}));
}

TEST_F(LedgerQueueTest, TriesAgainWhenTheConfirmationWasNotTaken) {
  std::atomic<int> confirmations = 0;
  LedgerQueue queue(&ledger_, &clock_, [&](const JobId&, EventBody) {
    return ++confirmations == 1 ? absl::OutOfRangeError("not now") : absl::OkStatus();
  });
  queue.Start();
  queue.Offer(job_, SealRound{0});
  const auto deadline = std::chrono::steady_clock::now() + kPatience;
  for (uint64_t poke = 0; confirmations < 2 && std::chrono::steady_clock::now() < deadline;
       ++poke) {
    clock_.Advance(1'000);
    queue.Offer(job_, FinalizeRound{poke, int64_t{1} << 60});
  }
  EXPECT_EQ(confirmations, 2);
}

TEST_F(LedgerQueueTest, StopsAtOnceDuringAPause) {
  ledger_.Script({absl::StatusCode::kUnavailable});
  queue_.Offer(job_, SealRound{0});
  ASSERT_TRUE(ledger_.WaitForCalls(1));
  queue_.Stop();
  EXPECT_EQ(ledger_.calls().size(), 1u);
}

}  // namespace
}  // namespace tessera::coordinator
