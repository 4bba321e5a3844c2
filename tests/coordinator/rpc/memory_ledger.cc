#include "tests/coordinator/rpc/memory_ledger.h"

#include <algorithm>

#include "base/hash.h"
#include "base/status_macros.h"
#include "protocol/sampling.h"

namespace tessera::coordinator {

void MemoryLedger::Deposit(const JobId& job, const Escrow& escrow) {
  std::lock_guard lock(mutex_);
  escrows_[job] = escrow;
}

void MemoryLedger::Bond(const WorkerId& worker, Wei stake) {
  std::lock_guard lock(mutex_);
  stakes_[worker] = stake;
}

void MemoryLedger::GoDown() {
  std::lock_guard lock(mutex_);
  down_ = true;
}

void MemoryLedger::ComeBack() {
  std::lock_guard lock(mutex_);
  down_ = false;
}

Wei MemoryLedger::StakeLeft(const WorkerId& worker) const {
  std::lock_guard lock(mutex_);
  const auto stake = stakes_.find(worker);
  return stake == stakes_.end() ? Wei() : stake->second;
}

bool MemoryLedger::IsClosed(const JobId& job) const {
  std::lock_guard lock(mutex_);
  return escrows_.at(job).closed;
}

Digest MemoryLedger::PayoutRoot(const JobId& job) const {
  std::lock_guard lock(mutex_);
  const auto root = payout_roots_.find(job);
  return root == payout_roots_.end() ? Digest{} : root->second;
}

absl::Status MemoryLedger::CheckReachable() const {
  return down_ ? absl::UnavailableError("the node is down") : absl::OkStatus();
}

absl::StatusOr<MemoryLedger::LedgerRound*> MemoryLedger::Find(const JobId& job, RoundId round) {
  RETURN_IF_ERROR(CheckReachable());
  const auto found = rounds_.find({job, round});
  if (found == rounds_.end()) return absl::FailedPreconditionError("the round is not anchored");
  return &found->second;
}

absl::StatusOr<RoundAnchored> MemoryLedger::Anchor(const JobId& job, const AnchorRound& effect) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckReachable());
  if (!escrows_.contains(job) || escrows_.at(job).closed) {
    return absl::FailedPreconditionError("the job is not open");
  }
  if (effect.slots == 0 || effect.auditor_slots > effect.slots) {
    return absl::FailedPreconditionError("wrong slots");
  }
  if (effect.round > 0 && !rounds_.contains({job, effect.round - 1})) {
    return absl::FailedPreconditionError("not the next round");
  }
  const auto [entry, inserted] = rounds_.try_emplace({job, effect.round});
  if (inserted) entry->second.anchor = effect;
  if (entry->second.anchor.commitment_root != effect.commitment_root) {
    return absl::FailedPreconditionError("anchored with another root");
  }
  return RoundAnchored{effect.round, effect.commitment_root, effect.round + 1, 78'000};
}

absl::StatusOr<RoundSealed> MemoryLedger::Seal(const JobId& job, const SealRound& effect) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(LedgerRound * round, Find(job, effect.round));
  if (round->phase == Phase::kAnchored) {
    const Digest prevrandao = Sha256(ByteWriter().Tag("beacon").Be(effect.round).bytes());
    round->sealed = {effect.round,
                     RoundSeed(job, effect.round, round->anchor.commitment_root, prevrandao),
                     104'000};
    round->phase = Phase::kSealed;
  }
  return round->sealed;
}

absl::Status MemoryLedger::CheckBallots(const LedgerRound& round,
                                        const DisputeWorker& effect) const {
  const Commitment& accused = effect.commitment;
  const auto in_tree = [&](const WorkerId& worker, const Digest& commitment, uint32_t slot,
                           std::span<const Digest> proof) {
    return VerifyItem(round.anchor.commitment_root, round.anchor.slots, slot,
                      CommitmentItem(worker, commitment), proof);
  };
  RETURN_IF_ERROR(VerifySigner(SigningDigest(domain_, accused), effect.signature, accused.worker));
  if (!in_tree(accused.worker, HashStruct(accused), effect.slot, effect.proof)) {
    return absl::FailedPreconditionError("the accused is not in the tree");
  }
  const std::vector<uint32_t> seats =
      Committee(round.sealed.seed, effect.slot, round.anchor.auditor_slots, kCommitteeSize);
  const uint32_t segment = AuditedSegment(round.sealed.seed, accused.worker, accused.segments);
  std::set<WorkerId> guilty;
  for (const DisputeWorker::Ballot& ballot : effect.ballots) {
    const Verdict& verdict = ballot.verdict;
    RETURN_IF_ERROR(
        VerifySigner(SigningDigest(domain_, verdict), ballot.signature, verdict.auditor));
    const bool fits = verdict.worker == accused.worker && verdict.segment == segment &&
                      verdict.commitment == HashStruct(accused) &&
                      verdict.outcome != Outcome::kValid &&
                      std::ranges::find(seats, ballot.slot) != seats.end() &&
                      in_tree(verdict.auditor, ballot.commitment, ballot.slot, ballot.proof);
    if (!fits) return absl::FailedPreconditionError("a ballot without a seat or about other work");
    guilty.insert(verdict.auditor);
  }
  if (guilty.size() * 2 <= seats.size()) return absl::FailedPreconditionError("no majority");
  return absl::OkStatus();
}

absl::StatusOr<DisputeDecided> MemoryLedger::Dispute(const JobId& job,
                                                     const DisputeWorker& effect) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(LedgerRound * round, Find(job, effect.round));
  const WorkerId& worker = effect.commitment.worker;
  const auto known = disputes_.find({job, effect.round, worker});
  if (known != disputes_.end()) return known->second;
  if (round->phase != Phase::kSealed)
    return absl::FailedPreconditionError("the round is not sealed");
  RETURN_IF_ERROR(CheckBallots(*round, effect));
  const Wei slashed = stakes_[worker].DividedBy(2);
  stakes_[worker] -= slashed;
  const DisputeDecided decided{effect.round, worker, true, slashed, 250'000};
  disputes_.emplace(std::tuple(job, effect.round, worker), decided);
  return decided;
}

absl::StatusOr<RoundSettled> MemoryLedger::Settle(const JobId& job, const SettleRound& effect) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(LedgerRound * round, Find(job, effect.round));
  if (round->phase == Phase::kAnchored)
    return absl::FailedPreconditionError("the round is not sealed");
  if (round->phase == Phase::kSealed) {
    if (effect.pay > escrows_.at(job).round_pay_max) {
      return absl::FailedPreconditionError("the pay is above the round's maximum");
    }
    round->settlement = effect;
    round->settled = {effect.round, effect.payout_root, clock_->NowMs() + kChallengeWindowMs,
                      58'000};
    round->phase = Phase::kSettled;
  }
  if (round->settlement.payout_root != effect.payout_root) {
    return absl::FailedPreconditionError("settled with another root");
  }
  return round->settled;
}

absl::StatusOr<RoundFinalized> MemoryLedger::Finalize(const JobId& job, RoundId id) {
  std::lock_guard lock(mutex_);
  ASSIGN_OR_RETURN(LedgerRound * round, Find(job, id));
  if (round->phase == Phase::kSettled) {
    if (clock_->NowMs() <= round->settled.final_at_ms) {
      return absl::OutOfRangeError("the challenge window is open");
    }
    if (id > 0 && rounds_.at({job, id - 1}).phase != Phase::kFinal) {
      return absl::FailedPreconditionError("not in order");
    }
    round->phase = Phase::kFinal;
    payout_roots_[job] = round->settlement.payout_root;
  }
  if (round->phase != Phase::kFinal)
    return absl::FailedPreconditionError("the round is not settled");
  return RoundFinalized{id, 63'000};
}

absl::StatusOr<RoundLapsed> MemoryLedger::Lapse(const JobId&, RoundId) {
  return absl::OutOfRangeError("the round may still be settled");
}

absl::Status MemoryLedger::Close(const JobId& job) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckReachable());
  escrows_.at(job).closed = true;
  return absl::OkStatus();
}

absl::StatusOr<Escrow> MemoryLedger::EscrowOf(const JobId& job) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckReachable());
  const auto found = escrows_.find(job);
  if (found == escrows_.end()) return absl::NotFoundError("nothing is in escrow");
  return found->second;
}

absl::StatusOr<LedgerParameters> MemoryLedger::Parameters() {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckReachable());
  return LedgerParameters{kCommitteeSize, 1, 1};
}

absl::StatusOr<Wei> MemoryLedger::StakeOf(const WorkerId& worker) {
  std::lock_guard lock(mutex_);
  RETURN_IF_ERROR(CheckReachable());
  const auto stake = stakes_.find(worker);
  return stake == stakes_.end() ? Wei() : stake->second;
}

}  // namespace tessera::coordinator
