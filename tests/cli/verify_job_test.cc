#include "cli/verify_job.h"

#include <gtest/gtest.h>

#include "base/hash.h"
#include "protocol/blob_format.h"
#include "tests/cli/verified_round.h"

namespace tessera::cli {
namespace {

// In a manifest: magic, version, reserved field and two counts stand before the first shard's root.
constexpr size_t kFirstRootAt = 16;

class VerifyJobTest : public testing::Test {
 protected:
  VerifyJobTest() {
    DataManifest manifest;
    manifest.train = {{BlobRoot{}, 100}};
    manifest.test = {{BlobRoot{}, 100}};
    published_.manifest_bytes = EncodeManifest(manifest);
    JobSpec spec = MakeVerifiedRound().facts.spec;
    spec.manifest_root = *ComputeBlobRoot(published_.manifest_bytes);
    published_.spec_bytes = EncodeJobSpec(spec);
    published_.initial_model_root = InitialCarryOver(spec).model_root;
    escrow_.spec_hash = JobSpecHash(spec);
  }
  std::string FirstDifference() const {
    const Check check = CheckJob(published_, escrow_);
    return check ? check->what : "";
  }
  PublishedJob published_;
  chain::JobView escrow_;
};

TEST_F(VerifyJobTest, AcceptsThePaidJob) { EXPECT_EQ(FirstDifference(), ""); }

TEST_F(VerifyJobTest, ReportsAnotherSpecification) {
  escrow_.spec_hash = Digest{};
  EXPECT_EQ(FirstDifference(), "the hash of the job specification");
}

TEST_F(VerifyJobTest, ReportsMalformedSpecification) {
  published_.spec_bytes.pop_back();
  EXPECT_EQ(FirstDifference(), "the job specification");
}

TEST_F(VerifyJobTest, ReportsAnotherManifest) {
  published_.manifest_bytes[kFirstRootAt] ^= 1;
  EXPECT_EQ(FirstDifference(), "the root of the manifest");
}

TEST_F(VerifyJobTest, ReportsMalformedManifest) {
  published_.manifest_bytes.pop_back();
  EXPECT_EQ(FirstDifference(), "the manifest");
}

TEST_F(VerifyJobTest, ReportsAnotherInitialModel) {
  published_.initial_model_root = BlobRoot{};
  EXPECT_EQ(FirstDifference(), "the initial model");
}

TEST(VerifyAbortedRound, AcceptsWhatPaidNothing) {
  VerifiedRound round = MakeVerifiedRound();
  round.on_chain.view.pay = Wei();
  round.on_chain.view.model_root = BlobRoot{};
  EXPECT_EQ(CheckAbortedRound(round.facts, round.evidence, round.on_chain, round.before),
            std::nullopt);
  round.on_chain.view.pay = Wei(1);
  EXPECT_EQ(CheckAbortedRound(round.facts, round.evidence, round.on_chain, round.before)->what,
            "the pay of an aborted round");
}

class VerifyEscrowTest : public testing::Test {
 protected:
  VerifyEscrowTest() {
    rounds_.resize(3);
    rounds_[0].phase = chain::LedgerPhase::kFinal;
    rounds_[0].pay = Wei(30);
    rounds_[0].payout_root = Sha256(AsBytes("round 0"));
    rounds_[1].phase = chain::LedgerPhase::kSettled;
    rounds_[1].pay = Wei(20);
    rounds_[2].phase = chain::LedgerPhase::kRejected;
    rounds_[2].pay = Wei(99);
    escrow_.deposited = Wei(60);
    escrow_.released = Wei(30);
    escrow_.reserved = Wei(20);
    escrow_.refunded = Wei(10);
    escrow_.claimed = Wei(30);
    escrow_.payout_root = rounds_[0].payout_root;
  }
  std::string FirstDifference() const {
    const Check check = CheckEscrow(escrow_, rounds_);
    return check ? check->what : "";
  }
  std::vector<chain::RoundView> rounds_;
  chain::JobView escrow_;
};

TEST_F(VerifyEscrowTest, AcceptsBooksThatAddUp) { EXPECT_EQ(FirstDifference(), ""); }

TEST_F(VerifyEscrowTest, ReportsEveryWrongSum) {
  escrow_.deposited = Wei(59);
  EXPECT_EQ(FirstDifference(), "what left the escrow");
  escrow_.deposited = Wei(60);
  escrow_.claimed = Wei(31);
  EXPECT_EQ(FirstDifference(), "what was claimed");
  escrow_.reserved = Wei(21);
  EXPECT_EQ(FirstDifference(), "what the escrow reserves");
  escrow_.released = Wei(31);
  EXPECT_EQ(FirstDifference(), "what the escrow released");
}

TEST_F(VerifyEscrowTest, ReportsAnotherPayoutRoot) {
  escrow_.payout_root = Digest{};
  EXPECT_EQ(FirstDifference(), "the payout root that claims are paid by");
}

TEST_F(VerifyEscrowTest, SurvivesSumsOutsideTheRange) {
  rounds_[0].pay = Wei::Max();
  rounds_[1].phase = chain::LedgerPhase::kFinal;
  EXPECT_EQ(FirstDifference(), "the pay of final rounds");
}

}  // namespace
}  // namespace tessera::cli
