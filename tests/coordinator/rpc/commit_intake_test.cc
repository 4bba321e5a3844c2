// What the intake of commitments refuses, and that a refusal costs nothing that was accepted.
#include <cmath>
#include <limits>

#include "tests/coordinator/rpc/test_worker.h"

namespace tessera::coordinator {
namespace {

class CommitIntake : public testing::Test {
 protected:
  CommitIntake() {
    world_.Launch(job_);
    for (TestWorker* worker : {&ann_, &bob_}) {
      const absl::Status joined = worker->Join();
      EXPECT_TRUE(joined.ok()) << joined;
    }
    ann_.Await(v1::NextTaskResponse::kTrain);
  }
  // Whatever was refused before: the true commitments are taken and the round goes on.
  void ExpectTheRoundGoesOn() {
    for (TestWorker* worker : {&ann_, &bob_}) {
      const auto receipt = worker->Commit(worker->Train().commitment);
      EXPECT_TRUE(receipt.ok()) << receipt.status();
    }
    EXPECT_TRUE(world_.WaitForPhase(job_.id, RoundPhase::kRevealing));
  }

  const TestJob job_ = MakeTestJob(2);
  CoordinatorWorld world_;
  TestWorker ann_{world_, job_, 1};
  TestWorker bob_{world_, job_, 2};
};

TEST_F(CommitIntake, AnswersWithAReceiptSignedByTheCoordinator) {
  const Commitment commitment = ann_.Train().commitment;
  const auto signed_receipt = ann_.Commit(commitment);
  ASSERT_TRUE(signed_receipt.ok()) << signed_receipt.status();
  EXPECT_EQ(signed_receipt->receipt.commitment, HashStruct(commitment));
  EXPECT_EQ(
      RecoverSigner(SigningDigest(world_.deployment().signing_domain(), signed_receipt->receipt),
                    signed_receipt->signature)
          .value(),
      world_.account().address());
}

TEST_F(CommitIntake, RepeatsTheSameReceiptForTheSameCommitment) {
  const v1::CommitRequest request = ann_.CommitRequest(ann_.Train().commitment);
  const auto first = ann_.SendCommit(request);
  world_.clock().Advance(5'000);
  const auto second = ann_.SendCommit(request);
  ASSERT_TRUE(first.ok()) << first.status();
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  EXPECT_EQ(ann_.Status().rejected(), 0u);
}

TEST_F(CommitIntake, RepeatsTheSameReceiptAfterARestart) {
  const v1::CommitRequest request = ann_.CommitRequest(ann_.Train().commitment);
  const auto first = ann_.SendCommit(request);
  ASSERT_TRUE(first.ok()) << first.status();
  world_.Restart();
  const auto second = ann_.SendCommit(request);
  ASSERT_TRUE(second.ok()) << second.status();
  EXPECT_EQ(first->SerializeAsString(), second->SerializeAsString());
  EXPECT_EQ(world_.StatusOf(job_.id).rounds_so_far(0).committed(), 1u);
}

TEST_F(CommitIntake, RefusesATypedDataSignatureOverOtherBytes) {
  const Commitment commitment = ann_.Train().commitment;
  Commitment other = commitment;
  other.update_bytes += 1;
  v1::CommitRequest request = ann_.CommitRequest(commitment);
  request.set_signature(ann_.CommitRequest(other).signature());
  EXPECT_REFUSED(ann_, kSignature, kUnauthenticated, ann_.SendCommit(request).status());
  request.set_signature("short");
  EXPECT_REFUSED(ann_, kSignature, kUnauthenticated, ann_.SendCommit(request).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesACommitmentInAnotherWorkersName) {
  const v1::CommitRequest bobs = bob_.CommitRequest(bob_.Train().commitment);
  EXPECT_REFUSED(ann_, kSignature, kUnauthenticated, ann_.SendCommit(bobs).status());
  EXPECT_EQ(bob_.Status().rejected(), 0u);
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesAMalformedCommitment) {
  v1::CommitRequest request = ann_.CommitRequest(ann_.Train().commitment);
  request.mutable_commitment()->set_update_root("not 32 bytes");
  EXPECT_REFUSED(ann_, kShape, kInvalidArgument, ann_.SendCommit(request).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesMetricsThatAreNoNumbers) {
  const v1::CommitRequest good = ann_.CommitRequest(ann_.Train().commitment);
  v1::CommitRequest request = good;
  request.set_train_loss(std::numeric_limits<float>::quiet_NaN());
  EXPECT_REFUSED(ann_, kNonFinite, kInvalidArgument, ann_.SendCommit(request).status());
  request = good;
  request.set_eval_loss(std::numeric_limits<float>::infinity());
  EXPECT_REFUSED(ann_, kNonFinite, kInvalidArgument, ann_.SendCommit(request).status());
  request = good;
  request.set_eval_accuracy(-std::numeric_limits<float>::infinity());
  EXPECT_REFUSED(ann_, kNonFinite, kInvalidArgument, ann_.SendCommit(request).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesAnotherShape) {
  const Commitment good = ann_.Train().commitment;
  Commitment commitment = good;
  commitment.dimension += 1;
  EXPECT_REFUSED(ann_, kShape, kInvalidArgument, ann_.Commit(commitment).status());
  commitment = good;
  commitment.segments += 1;
  EXPECT_REFUSED(ann_, kShape, kInvalidArgument, ann_.Commit(commitment).status());
  commitment = good;
  commitment.engine_class = EngineClass::kVendor;
  EXPECT_REFUSED(ann_, kShape, kInvalidArgument, ann_.Commit(commitment).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesAnUpdateLengthThatIsNotTheJobs) {
  const Commitment good = ann_.Train().commitment;
  for (const uint64_t bytes : {good.update_bytes - 1, good.update_bytes + 1, uint64_t{0}}) {
    Commitment commitment = good;
    commitment.update_bytes = bytes;
    EXPECT_REFUSED(ann_, kLength, kInvalidArgument, ann_.Commit(commitment).status());
  }
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesAnotherRoundBaseModelOrShard) {
  const Commitment good = ann_.Train().commitment;
  Commitment commitment = good;
  commitment.round = 1;
  EXPECT_REFUSED(ann_, kWrongRound, kFailedPrecondition, ann_.Commit(commitment).status());
  commitment = good;
  commitment.base_model_root = BlobRoot{};
  EXPECT_REFUSED(ann_, kWrongRound, kFailedPrecondition, ann_.Commit(commitment).status());
  commitment = good;
  commitment.shard = 1 - good.shard;
  EXPECT_REFUSED(ann_, kWrongRound, kFailedPrecondition, ann_.Commit(commitment).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesASecondCommitmentWithOtherContent) {
  const Commitment first = ann_.Train().commitment;
  ASSERT_TRUE(ann_.Commit(first).ok());
  Commitment second = first;
  second.update_root = BlobRoot{};
  EXPECT_REFUSED(ann_, kDuplicate, kAlreadyExists, ann_.Commit(second).status());
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, RefusesWhatComesAfterTheDeadline) {
  ASSERT_TRUE(ann_.Commit(ann_.Train().commitment).ok());
  const Commitment late = bob_.Train().commitment;
  world_.clock().Advance(job_.spec.training_timeout_ms);
  EXPECT_REFUSED(bob_, kLate, kFailedPrecondition, bob_.Commit(late).status());
  EXPECT_TRUE(world_.WaitForPhase(job_.id, RoundPhase::kRevealing));
  EXPECT_EQ(world_.StatusOf(job_.id).rounds_so_far(0).committed(), 1u);
}

TEST_F(CommitIntake, RefusesAWorkerThatNeverRegistered) {
  TestWorker stranger(world_, job_, 99);
  Commitment commitment = ann_.Train().commitment;
  commitment.worker = stranger.id();
  const absl::Status refused = stranger.Commit(commitment).status();
  EXPECT_EQ(ReasonOf(refused), RejectReason::kUnknownWorker) << refused;
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
  EXPECT_EQ(world_.StatusOf(job_.id).workers_size(), 2);
  ExpectTheRoundGoesOn();
}

TEST_F(CommitIntake, AnswersNotFoundForAJobItDoesNotHave) {
  Commitment commitment = ann_.Train().commitment;
  commitment.job = JobId{};
  const absl::Status refused = ann_.Commit(commitment).status();
  EXPECT_EQ(refused.code(), absl::StatusCode::kNotFound) << refused;
  ExpectTheRoundGoesOn();
}

TEST(CommitIntakeBeforeTraining, RefusesACommitmentWhileTheRoundWaitsForWorkers) {
  const TestJob job = MakeTestJob(2);
  CoordinatorWorld world;
  world.Launch(job);
  TestWorker ann(world, job, 1);
  ASSERT_TRUE(ann.Join().ok());
  EXPECT_REFUSED(ann, kEarly, kFailedPrecondition, ann.Commit(ann.Train().commitment).status());
  EXPECT_TRUE(ann.Ask().has_wait());
}

}  // namespace
}  // namespace tessera::coordinator
