// The contracts' rules without a chain: JobVault, RoundLedger and Disputes for one job.
#pragma once

#include <map>
#include <set>

#include "coordinator/core/job.h"
#include "tests/sim/world.h"

namespace tessera::coordinator::sim {

// Asking twice for the same thing gives the same answer, as a chain port that looks first would.
// Unavailable: not yet. OutOfRange: no more. Anything else breaks a rule of the contracts.
class SimLedger {
 public:
  struct Terms {
    int64_t seal_delay_ms = 2'000;
    int64_t settle_within_ms = 600'000;
    int64_t challenge_window_ms = 20'000;
    int64_t dismissed_percent = 0;  // Disputes that the chain does not uphold.
  };
  SimLedger(World* world, const JobId& job, const JobSpec& spec, const Terms& terms);

  absl::StatusOr<RoundAnchored> Anchor(const AnchorRound& effect);
  absl::StatusOr<RoundSealed> Seal(RoundId round);
  absl::StatusOr<DisputeDecided> Decide(const DisputeWorker& effect);
  absl::StatusOr<RoundSettled> Settle(const SettleRound& effect);
  absl::StatusOr<RoundFinalized> Finalize(RoundId round);
  absl::StatusOr<RoundLapsed> Lapse(RoundId round);
  absl::Status Close();
  // Pays what the leaf adds to what the account has had.
  absl::StatusOr<Wei> Claim(const Address& account, Wei cumulative, std::span<const Digest> proof);

  bool closed() const { return closed_; }
  Wei claimed() const { return claimed_; }
  Wei released() const { return released_; }
  // Escrow in = paid + refunded + held.
  bool BooksBalance() const;

 private:
  enum class Phase { kAnchored, kSealed, kSettled, kFinal, kLapsed };
  struct LedgerRound {
    Phase phase = Phase::kAnchored;
    AnchorRound anchor;
    RoundSealed sealed;
    SettleRound settlement;
    RoundSettled settled;
    int64_t seal_at_ms = 0;
    int64_t deadline_ms = 0;
  };
  absl::Status CheckBallots(const LedgerRound& round, const DisputeWorker& effect) const;
  void Advance();
  bool Ended(RoundId round) const;

  World* const world_;
  const JobId job_;
  const JobSpec spec_;
  const Terms terms_;
  std::map<RoundId, LedgerRound> rounds_;
  std::map<std::pair<RoundId, WorkerId>, DisputeDecided> disputes_;
  RoundId first_unended_ = 0;
  bool closed_ = false;
  Digest payout_root_;
  Wei deposited_, reserved_, released_, claimed_, refunded_, held_;
  std::map<Address, Wei> claimed_by_;
};

}  // namespace tessera::coordinator::sim
