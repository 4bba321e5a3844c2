// The contracts' rules in memory: what JobVault, RoundLedger, StakeVault and Disputes would say,
// signatures included.
#pragma once

#include <map>
#include <mutex>
#include <set>

#include "base/clock.h"
#include "coordinator/anchor/ledger.h"

namespace tessera::coordinator {

// Thread-safe.
class MemoryLedger final : public Ledger {
 public:
  MemoryLedger(const Clock* clock, const SigningDomain& domain) : clock_(clock), domain_(domain) {}

  void Deposit(const JobId& job, const Escrow& escrow);
  void Bond(const WorkerId& worker, Wei stake);
  // Every question and action is Unavailable while the node is down.
  void GoDown();
  void ComeBack();

  Wei StakeLeft(const WorkerId& worker) const;
  bool IsClosed(const JobId& job) const;
  // The newest final payout root of a job.
  Digest PayoutRoot(const JobId& job) const;

  absl::StatusOr<RoundAnchored> Anchor(const JobId& job, const AnchorRound& effect) override;
  absl::StatusOr<RoundSealed> Seal(const JobId& job, const SealRound& effect) override;
  absl::StatusOr<DisputeDecided> Dispute(const JobId& job, const DisputeWorker& effect) override;
  absl::StatusOr<RoundSettled> Settle(const JobId& job, const SettleRound& effect) override;
  absl::StatusOr<RoundFinalized> Finalize(const JobId& job, RoundId round) override;
  absl::StatusOr<RoundLapsed> Lapse(const JobId& job, RoundId round) override;
  absl::Status Close(const JobId& job) override;
  absl::StatusOr<Escrow> EscrowOf(const JobId& job) override;
  absl::StatusOr<LedgerParameters> Parameters() override;
  absl::StatusOr<Wei> StakeOf(const WorkerId& worker) override;

  static constexpr uint32_t kCommitteeSize = 3;
  static constexpr int64_t kChallengeWindowMs = 20;

 private:
  enum class Phase { kAnchored, kSealed, kSettled, kFinal };
  struct LedgerRound {
    Phase phase = Phase::kAnchored;
    AnchorRound anchor;
    RoundSealed sealed;
    SettleRound settlement;
    RoundSettled settled;
  };
  absl::Status CheckReachable() const;
  absl::StatusOr<LedgerRound*> Find(const JobId& job, RoundId round);
  absl::Status CheckBallots(const LedgerRound& round, const DisputeWorker& effect) const;

  const Clock* const clock_;
  const SigningDomain domain_;
  mutable std::mutex mutex_;  // Guards everything below.
  bool down_ = false;
  std::map<JobId, Escrow> escrows_;
  std::map<WorkerId, Wei> stakes_;
  std::map<std::pair<JobId, RoundId>, LedgerRound> rounds_;
  std::map<std::tuple<JobId, RoundId, WorkerId>, DisputeDecided> disputes_;
  std::map<JobId, Digest> payout_roots_;
};

}  // namespace tessera::coordinator
