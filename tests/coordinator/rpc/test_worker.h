// A worker driven step by step, so that a test can put a false step between two true ones.
#pragma once

#include "tests/coordinator/rpc/coordinator_world.h"
#include "tests/coordinator/rpc/formula_trainer.h"
#include "worker/core/local_round.h"
#include "worker/rpc/coordinator_client.h"

namespace tessera::coordinator {

class TestWorker {
 public:
  // Bonds the job's stake.
  TestWorker(CoordinatorWorld& world, const TestJob& job, uint64_t number);

  const WorkerId& id() const { return keys_.account.address(); }
  const KeyPair& keys() const { return keys_; }
  worker::CoordinatorClient& client() { return *client_; }
  Address payout() const { return *Address::FromBytes(id().view()); }
  worker::Introduction introduction() const;

  // After a restart of the world.
  void Reconnect();
  absl::Status Join();
  // The next task of this kind; fails the test after kPatience.
  v1::NextTaskResponse Await(v1::NextTaskResponse::TaskCase kind);
  v1::NextTaskResponse Ask();

  // Trains the round of a train task; the same every time.
  worker::LocalRound Train(RoundId round = 0);
  absl::StatusOr<worker::SignedReceipt> Commit(const Commitment& commitment) {
    return client_->Commit(commitment, {1.0, 2.0, 0.5});
  }
  v1::CommitRequest CommitRequest(const Commitment& commitment) const;
  // Sends exactly this request, signed with this worker's authentication key.
  absl::StatusOr<v1::CommitResponse> SendCommit(const v1::CommitRequest& request) const;
  // A reveal that announces `announced` bytes and sends `update`.
  absl::Status SendReveal(RoundId round, uint64_t announced, ByteView update) const;
  absl::Status SendVerdict(const Verdict& verdict, const EcdsaSignature& signature,
                           const Salt& salt) const;

  // What the job's status says about this worker.
  v1::WorkerStatus Status() const;
  // The newest line of kind "rejected" about this worker; empty if there is none.
  std::string LastRefusal() const;
  worker::MemoryStateStore& states() { return states_; }

 private:
  CoordinatorWorld& world_;
  const TestJob job_;
  const KeyPair keys_;
  std::unique_ptr<worker::CoordinatorClient> client_;
  worker::FormulaTrainer trainer_;
  worker::MemoryStateStore states_;
};

// The worker saw this reason with the code that goes with it, and so did the job's log and counter.
#define EXPECT_REFUSED(who, why, wanted, call)                                                   \
  do {                                                                                           \
    const uint32_t before_ = (who).Status().rejected();                                          \
    const absl::Status refused_ = (call);                                                        \
    EXPECT_EQ(ReasonOf(refused_), RejectReason::why) << refused_;                                \
    EXPECT_EQ(refused_.code(), absl::StatusCode::wanted) << refused_;                            \
    EXPECT_EQ((who).Status().rejected(), before_ + 1);                                           \
    EXPECT_TRUE(                                                                                 \
        (who).LastRefusal().starts_with(std::string(RejectReasonName(RejectReason::why)) + " ")) \
        << (who).LastRefusal();                                                                  \
  } while (false)

// As above, for what cannot be laid at any registered worker's door: nothing is written down.
#define EXPECT_REFUSED_UNLOGGED(who, why, wanted, call)               \
  do {                                                                \
    const uint32_t before_ = (who).Status().rejected();               \
    const absl::Status refused_ = (call);                             \
    EXPECT_EQ(ReasonOf(refused_), RejectReason::why) << refused_;     \
    EXPECT_EQ(refused_.code(), absl::StatusCode::wanted) << refused_; \
    EXPECT_EQ((who).Status().rejected(), before_);                    \
  } while (false)

}  // namespace tessera::coordinator
