#include "tests/coordinator/core/scenario.h"

namespace tessera::coordinator {
namespace {

TEST(JobRoundsTest, JobClosesWhenItsRoundsAreFinalHoweverTheNewsArrives) {
  Scenario s;
  s.ToSettled();
  for (size_t i = 0; i < 4; ++i) s.Must(s.CommitmentOf(i));
  s.Must(s.Anchored());
  for (size_t i = 0; i < 4; ++i) s.Must(s.RevealOf(i));
  s.Must(s.Sealed());
  s.Must(s.Aggregated());
  for (size_t i = 0; i < 4; ++i) s.FinishAudit(i);
  EXPECT_EQ(s.Apply(RoundFinalized{1, 1}).status().code(), absl::StatusCode::kFailedPrecondition);
  s.Must(s.Settled());
  EXPECT_EQ(s.job().phase(), JobPhase::kClosing);
  EXPECT_EQ(CountEffects<FinalizeRound>(s.job().OutstandingEffects()), 2u);
  EXPECT_EQ(s.Refused(RoundFinalized{2, 1}), RejectReason::kWrongRound);
  EXPECT_TRUE(s.Must(RoundFinalized{1, 1}).empty());
  EXPECT_TRUE(s.Must(RoundFinalized{1, 1}).empty());
  EXPECT_EQ(CountEffects<FinalizeRound>(s.job().OutstandingEffects()), 1u);
  EXPECT_EQ(CountEffects<CloseJob>(s.Must(RoundFinalized{0, 1})), 1u);
  EXPECT_EQ(s.job().phase(), JobPhase::kClosed);
}

TEST(JobRoundsTest, AbortedRoundsDoNotCount) {
  JobSpec spec = TestSpec();
  spec.rounds = 1;
  Scenario s(spec);
  s.ToRevealing();
  s.now_ms = *s.round().NextDeadlineMs();
  s.Must(DeadlinePassed{0});
  EXPECT_EQ(s.round().id(), 1u);
  EXPECT_EQ(s.job().phase(), JobPhase::kRunning);
  for (size_t i = 0; i < 4; ++i) s.Must(s.CommitmentOf(i));
  s.Must(s.Anchored());
  for (size_t i = 0; i < 4; ++i) s.Must(s.RevealOf(i));
  s.Must(s.Sealed());
  s.Must(s.Aggregated());
  for (size_t i = 0; i < 4; ++i) s.FinishAudit(i);
  s.Must(s.Settled());
  EXPECT_EQ(s.job().phase(), JobPhase::kClosing);
  s.Must(RoundFinalized{1, 1});
  EXPECT_EQ(s.job().phase(), JobPhase::kClosing);  // The aborted one is still open on the chain.
  s.Must(RoundLapsed{0, 1});
  EXPECT_EQ(s.job().phase(), JobPhase::kClosed);
}

TEST(JobRoundsTest, TooManyAbortsInARowCloseTheJob) {
  Scenario s;
  s.ToTraining();
  for (uint32_t i = 1; i < kConsecutiveAbortsMax; ++i) {
    s.now_ms = *s.round().NextDeadlineMs();
    s.Must(DeadlinePassed{0});
    ASSERT_EQ(s.job().phase(), JobPhase::kRunning);
  }
  s.now_ms = *s.round().NextDeadlineMs();
  EXPECT_EQ(CountEffects<CloseJob>(s.Must(DeadlinePassed{0})), 1u);
  EXPECT_EQ(s.job().phase(), JobPhase::kClosed);
  EXPECT_EQ(s.job().rounds().size(), 1u);
}

TEST(JobRoundsTest, RoundWaitsForEnoughWorkers) {
  Scenario s;
  s.Must(DataReady{});
  s.Must(s.worker(0).Registration());
  s.Must(s.worker(1).Registration());
  EXPECT_EQ(s.round().phase(), RoundPhase::kEnrolling);
  EXPECT_FALSE(s.job().NextDeadlineMs().has_value());
  s.now_ms += 1'000'000;
  s.Must(DeadlinePassed{0});
  EXPECT_EQ(s.round().phase(), RoundPhase::kEnrolling);
  s.Must(s.worker(2).Registration());
  EXPECT_EQ(s.job().NextDeadlineMs(), s.now_ms + 60'000);
}

}  // namespace
}  // namespace tessera::coordinator
