// What Tessera's contracts say: one struct for each public view, field for field as in contracts/src/interfaces.
#pragma once

#include "base/wei.h"
#include "chain/reader.h"
#include "protocol/deployment.h"

namespace tessera::chain {

enum class LedgerPhase : uint8_t {
  kNone = 0,
  kAnchored = 1,
  kSealed = 2,
  kSettled = 3,
  kFinal = 4,
  kRejected = 5,
  kLapsed = 6,
};
std::string_view LedgerPhaseName(LedgerPhase phase);

// RoundLedger.rounds
struct RoundView {
  Digest commit_root;
  BlobRoot base_model_root;
  Digest seed;
  Digest payout_root;
  BlobRoot model_root;
  uint64_t draw_block = 0;
  uint64_t anchor_block = 0;
  uint64_t deadline_s = 0;  // Anchored, Sealed: to settle; Settled: end of the challenge window.
  uint32_t slots = 0;
  uint32_t auditor_slots = 0;
  uint32_t disputes = 0;
  LedgerPhase phase = LedgerPhase::kNone;
  Wei pay;
};

// JobVault.jobs; owner is zero if there is no such job.
struct JobView {
  Address owner;
  Address coordinator;
  Wei deposited;
  Wei reserved;
  Wei released;
  Wei claimed;
  Wei refunded;
  Wei round_pay_max;
  bool closed = false;
  Digest spec_hash;
  Digest payout_root;
};

// StakeVault.accounts
struct StakeView {
  Wei bonded;
  Wei unbonding;
  uint64_t unlock_at_s = 0;
  uint32_t holds = 0;
};

enum class DisputeState : uint8_t {
  kNone = 0,
  kOpen = 1,
  kUpheld = 2,
  kOverruled = 3,
  kDismissed = 4
};

// Reads one deployment. Thread-safe. Errors as Reader; FailedPrecondition if a contract is not
// there or returns something else (fix: check the deployment file and the RPC URL).
class ContractViews {
 public:
  ContractViews(JsonRpc& rpc, const Deployment& deployment)
      : reader_(rpc), deployment_(deployment) {}

  absl::StatusOr<RoundView> Round(const JobId& job, RoundId round,
                                  const BlockId& at = BlockId::Latest()) const;
  absl::StatusOr<RoundId> NextRound(const JobId& job) const;
  absl::StatusOr<JobView> Job(const JobId& job, const BlockId& at = BlockId::Latest()) const;
  absl::StatusOr<Wei> ClaimedBy(const JobId& job, const Address& account) const;
  absl::StatusOr<StakeView> Stake(const Address& worker) const;
  absl::StatusOr<DisputeState> Dispute(const Digest& id) const;
  absl::StatusOr<Wei> TokenBalance(const Address& account) const;
  absl::StatusOr<Wei> Allowance(const Address& owner, const Address& spender) const;

  absl::StatusOr<uint32_t> CommitteeSize() const;
  absl::StatusOr<Wei> ChallengeBond() const;
  absl::StatusOr<uint64_t> SealDelayBlocks() const;
  absl::StatusOr<uint64_t> ChallengeWindowSeconds() const;

  const Reader& reader() const { return reader_; }
  const Deployment& deployment() const { return deployment_; }

 private:
  // The return words of a view function; at least `words` of them.
  absl::StatusOr<Bytes> View(const Address& contract, ByteView call, size_t words,
                             std::string_view what, const BlockId& at = BlockId::Latest()) const;
  absl::StatusOr<uint64_t> Number(const Address& contract, std::string_view signature) const;

  const Reader reader_;
  const Deployment deployment_;
};

// Disputes.idOf: keccak256(abi.encode(job, round, worker)).
Digest DisputeId(const JobId& job, RoundId round, const WorkerId& worker);

// Ids as ABI words.
Digest WordOfJob(const JobId& job);
Digest WordOfRoot(const BlobRoot& root);

}  // namespace tessera::chain
