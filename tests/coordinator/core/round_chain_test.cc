#include "tests/coordinator/core/scenario.h"

namespace tessera::coordinator {
namespace {

TEST(RoundChainTest, ConfirmationsMayComeTwice) {
  Scenario s;
  s.ToAuditing();
  EXPECT_TRUE(s.Must(s.Anchored()).empty());
  EXPECT_TRUE(s.Must(s.Sealed()).empty());
  EXPECT_TRUE(s.Must(s.Aggregated()).empty());
}

TEST(RoundChainTest, RefusesConfirmationsOfWhatWasNotAskedFor) {
  Scenario s;
  s.ToTraining();
  const auto expect_refused = [&](const EventBody& body) {
    EXPECT_EQ(s.Apply(body).status().code(), absl::StatusCode::kFailedPrecondition)
        << EventName(body);
  };
  expect_refused(s.Anchored());
  expect_refused(s.Sealed());
  expect_refused(s.Aggregated());
  expect_refused(s.Settled());
  expect_refused(RoundFinalized{0, 1});
  expect_refused(RoundLapsed{0, 1});
  expect_refused(DisputeDecided{0, s.worker(0).id(), true, Wei(1), 1});
}

TEST(RoundChainTest, RefusesAnotherSeedAndAnotherModel) {
  Scenario s;
  s.ToAuditing();
  RoundSealed sealed = s.Sealed();
  sealed.seed.data()[0] ^= 1;
  EXPECT_EQ(s.Apply(sealed).status().code(), absl::StatusCode::kFailedPrecondition);
  RoundAggregated aggregated = s.Aggregated();
  aggregated.model_root.data()[0] ^= 1;
  EXPECT_EQ(s.Apply(aggregated).status().code(), absl::StatusCode::kFailedPrecondition);
}

TEST(RoundChainTest, AuditsBeginWithTheSeedWhicheverComesFirst) {
  Scenario seed_first;
  seed_first.ToRevealing();
  seed_first.Must(seed_first.Sealed());
  for (size_t i = 0; i < 4; ++i) seed_first.Must(seed_first.RevealOf(i));
  seed_first.Must(seed_first.Aggregated());
  EXPECT_EQ(seed_first.round().phase(), RoundPhase::kAuditing);

  Scenario model_first;
  model_first.ToAggregating();
  model_first.Must(model_first.Aggregated());
  EXPECT_EQ(model_first.round().phase(), RoundPhase::kAggregating);
  EXPECT_EQ(CountEffects<SealRound>(model_first.job().OutstandingEffects()), 1u);
  model_first.Must(model_first.Sealed());
  EXPECT_EQ(model_first.round().phase(), RoundPhase::kAuditing);
}

TEST(RoundChainTest, RefusesAggregatesThatDoNotFitTheReveals) {
  Scenario s;
  s.ToRevealing();
  for (size_t i = 0; i < 3; ++i) s.Must(s.RevealOf(i));
  s.now_ms = *s.round().NextDeadlineMs();
  s.Must(DeadlinePassed{0});
  const RoundAggregated good = s.Aggregated();
  const auto expect_invalid = [&](const RoundAggregated& event) {
    EXPECT_EQ(s.Apply(event).status().code(), absl::StatusCode::kInvalidArgument);
  };
  RoundAggregated bad = good;
  bad.scores.pop_back();
  expect_invalid(bad);
  bad = good;
  std::swap(bad.included[0], bad.included[1]);
  expect_invalid(bad);
  bad = good;
  bad.included[1] = bad.included[0];
  expect_invalid(bad);
  bad = good;
  bad.included = {s.worker(3).id()};
  bad.scores = {0};
  expect_invalid(bad);
  bad = good;
  bad.scores[0] = std::numeric_limits<double>::infinity();
  expect_invalid(bad);
  s.Must(good);
}

TEST(RoundChainTest, OutstandingEffectsAreTheOnesAskedFor) {
  Scenario s;
  s.ToTraining();
  std::vector<Effect> asked;
  for (size_t i = 0; i < 4; ++i) asked = s.Must(s.CommitmentOf(i));
  std::vector<Effect> outstanding = s.job().OutstandingEffects();
  ASSERT_EQ(outstanding.size(), 1u);
  EXPECT_EQ(std::get<AnchorRound>(outstanding[0]).commitment_root,
            std::get<AnchorRound>(asked[0]).commitment_root);
  s.Must(s.Anchored());
  EXPECT_EQ(CountEffects<SealRound>(s.job().OutstandingEffects()), 1u);
  for (size_t i = 0; i < 4; ++i) s.Must(s.RevealOf(i));
  EXPECT_EQ(CountEffects<AggregateUpdates>(s.job().OutstandingEffects()), 1u);
  s.Must(s.Sealed());
  s.Must(s.Aggregated());
  EXPECT_TRUE(s.job().OutstandingEffects().empty());
  for (size_t i = 0; i < 4; ++i) s.FinishAudit(i);
  EXPECT_EQ(CountEffects<SettleRound>(s.job().OutstandingEffects()), 1u);
  s.Must(s.Settled());
  outstanding = s.job().OutstandingEffects();
  ASSERT_EQ(outstanding.size(), 1u);
  EXPECT_EQ(std::get<FinalizeRound>(outstanding[0]).not_before_ms, s.now_ms + 60'000);
  s.Must(RoundFinalized{0, 1});
  EXPECT_TRUE(s.job().OutstandingEffects().empty());
}

TEST(RoundChainTest, AnchoredRoundThatNobodyRevealsIsLapsedAndTheNextGoesOn) {
  Scenario s;
  s.ToRevealing();
  s.now_ms = *s.round().NextDeadlineMs();
  const std::vector<Effect> effects = s.Must(DeadlinePassed{0});
  EXPECT_EQ(CountEffects<LapseRound>(effects), 1u);
  EXPECT_EQ(s.job().rounds()[0]->phase(), RoundPhase::kAborted);
  EXPECT_EQ(s.round().id(), 1u);
  EXPECT_EQ(s.round().base_model_root(), s.job().initial_model_root());
  EXPECT_EQ(CountEffects<LapseRound>(s.job().OutstandingEffects()), 1u);
  s.Must(RoundSealed{0, Digest{}, 1});  // Too late to matter.
  s.Must(RoundLapsed{0, 1});
  EXPECT_TRUE(s.job().OutstandingEffects().empty());
}

TEST(RoundChainTest, ChainMayLapseARoundThatWasNotSettledInTime) {
  Scenario s;
  s.ToSettling();
  EXPECT_EQ(CountEffects<LapseRound>(s.Must(RoundLapsed{0, 1})), 0u);
  EXPECT_EQ(s.job().rounds()[0]->phase(), RoundPhase::kAborted);
  EXPECT_EQ(s.round().id(), 1u);
  EXPECT_TRUE(s.job().cumulative().empty());
  EXPECT_EQ(s.job().model_root(), s.job().initial_model_root());
  EXPECT_TRUE(s.job().OutstandingEffects().empty());
}

}  // namespace
}  // namespace tessera::coordinator
