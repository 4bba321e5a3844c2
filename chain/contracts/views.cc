#include "chain/contracts/views.h"

#include "base/hash.h"
#include "base/status_macros.h"
#include "chain/abi.h"

namespace tessera::chain {
namespace {

BlobRoot RootOf(const Digest& word) { return *BlobRoot::FromBytes(word.view()); }

}  // namespace

std::string_view LedgerPhaseName(LedgerPhase phase) {
  switch (phase) {
    case LedgerPhase::kNone:
      return "none";
    case LedgerPhase::kAnchored:
      return "anchored";
    case LedgerPhase::kSealed:
      return "sealed";
    case LedgerPhase::kSettled:
      return "settled";
    case LedgerPhase::kFinal:
      return "final";
    case LedgerPhase::kRejected:
      return "rejected";
    case LedgerPhase::kLapsed:
      return "lapsed";
  }
  return "unknown";
}

absl::StatusOr<Bytes> ContractViews::View(const Address& contract, ByteView call, size_t words,
                                          std::string_view what, const BlockId& at) const {
  ASSIGN_OR_RETURN(Bytes returned, reader_.Call(contract, call, at));
  if (returned.size() < words * 32) {
    return absl::FailedPreconditionError("the contract at " + contract.hex() + " does not answer " +
                                         std::string(what) +
                                         ": check the deployment file and the RPC URL");
  }
  return returned;
}

absl::StatusOr<uint64_t> ContractViews::Number(const Address& contract,
                                               std::string_view signature) const {
  ASSIGN_OR_RETURN(const Bytes words, View(contract, CallData(signature).Encode(), 1, signature));
  return AbiReader(words).Uint64(signature);
}

absl::StatusOr<RoundView> ContractViews::Round(const JobId& job, RoundId round,
                                               const BlockId& at) const {
  const Bytes call = CallData("rounds(bytes32,uint64)").Word(WordOfJob(job)).Uint(round).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.round_ledger, call, 15, "rounds", at));
  AbiReader reader(words);
  RoundView view;
  ASSIGN_OR_RETURN(view.commit_root, reader.Word("commitRoot"));
  ASSIGN_OR_RETURN(const Digest base, reader.Word("baseModelRoot"));
  view.base_model_root = RootOf(base);
  ASSIGN_OR_RETURN(view.seed, reader.Word("seed"));
  ASSIGN_OR_RETURN(view.payout_root, reader.Word("payoutRoot"));
  ASSIGN_OR_RETURN(const Digest model, reader.Word("modelRoot"));
  view.model_root = RootOf(model);
  ASSIGN_OR_RETURN(view.draw_block, reader.Uint64("drawBlock"));
  ASSIGN_OR_RETURN(view.anchor_block, reader.Uint64("anchorBlock"));
  ASSIGN_OR_RETURN(view.deadline_s, reader.Uint64("deadline"));
  ASSIGN_OR_RETURN(view.slots, reader.Uint32("slots"));
  ASSIGN_OR_RETURN(view.auditor_slots, reader.Uint32("auditorSlots"));
  ASSIGN_OR_RETURN(view.disputes, reader.Uint32("disputes"));
  ASSIGN_OR_RETURN(const uint8_t phase, reader.Uint8("phase"));
  if (phase > static_cast<uint8_t>(LedgerPhase::kLapsed)) {
    return absl::FailedPreconditionError("the round ledger answers an unknown phase");
  }
  view.phase = static_cast<LedgerPhase>(phase);
  RETURN_IF_ERROR(reader.Uint64("disputableUntil").status());
  ASSIGN_OR_RETURN(view.pay, reader.Amount("pay"));
  return view;
}

absl::StatusOr<RoundId> ContractViews::NextRound(const JobId& job) const {
  const Bytes call = CallData("nextRound(bytes32)").Word(WordOfJob(job)).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.round_ledger, call, 1, "nextRound"));
  return AbiReader(words).Uint64("nextRound");
}

absl::StatusOr<JobView> ContractViews::Job(const JobId& job, const BlockId& at) const {
  const Bytes call = CallData("jobs(bytes32)").Word(WordOfJob(job)).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.job_vault, call, 11, "jobs", at));
  AbiReader reader(words);
  JobView view;
  ASSIGN_OR_RETURN(view.owner, reader.Addr("owner"));
  ASSIGN_OR_RETURN(view.coordinator, reader.Addr("coordinator"));
  ASSIGN_OR_RETURN(view.deposited, reader.Amount("deposited"));
  ASSIGN_OR_RETURN(view.reserved, reader.Amount("reserved"));
  ASSIGN_OR_RETURN(view.released, reader.Amount("released"));
  ASSIGN_OR_RETURN(view.claimed, reader.Amount("claimed"));
  ASSIGN_OR_RETURN(view.refunded, reader.Amount("refunded"));
  ASSIGN_OR_RETURN(view.round_pay_max, reader.Amount("roundPayMax"));
  ASSIGN_OR_RETURN(view.closed, reader.Bool("closed"));
  ASSIGN_OR_RETURN(view.spec_hash, reader.Word("specHash"));
  ASSIGN_OR_RETURN(view.payout_root, reader.Word("payoutRoot"));
  return view;
}

absl::StatusOr<Wei> ContractViews::ClaimedBy(const JobId& job, const Address& account) const {
  const Bytes call =
      CallData("claimedBy(bytes32,address)").Word(WordOfJob(job)).Addr(account).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.job_vault, call, 1, "claimedBy"));
  return AbiReader(words).Amount("claimedBy");
}

absl::StatusOr<StakeView> ContractViews::Stake(const Address& worker) const {
  const Bytes call = CallData("accounts(address)").Addr(worker).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.stake_vault, call, 4, "accounts"));
  AbiReader reader(words);
  StakeView view;
  ASSIGN_OR_RETURN(view.bonded, reader.Amount("bonded"));
  ASSIGN_OR_RETURN(view.unbonding, reader.Amount("unbonding"));
  ASSIGN_OR_RETURN(view.unlock_at_s, reader.Uint64("unlockAt"));
  ASSIGN_OR_RETURN(view.holds, reader.Uint32("holds"));
  return view;
}

absl::StatusOr<DisputeState> ContractViews::Dispute(const Digest& id) const {
  const Bytes call = CallData("disputes(uint256)").Word(id).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.disputes, call, 4, "disputes"));
  AbiReader reader(words);
  RETURN_IF_ERROR(reader.Addr("challenger").status());
  RETURN_IF_ERROR(reader.Uint64("decideBy").status());
  RETURN_IF_ERROR(reader.Uint32("slot").status());
  ASSIGN_OR_RETURN(const uint8_t state, reader.Uint8("state"));
  if (state > static_cast<uint8_t>(DisputeState::kDismissed)) {
    return absl::FailedPreconditionError("the disputes contract answers an unknown state");
  }
  return static_cast<DisputeState>(state);
}

absl::StatusOr<Wei> ContractViews::TokenBalance(const Address& account) const {
  const Bytes call = CallData("balanceOf(address)").Addr(account).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.token, call, 1, "balanceOf"));
  return AbiReader(words).Amount("balanceOf");
}

absl::StatusOr<Wei> ContractViews::Allowance(const Address& owner, const Address& spender) const {
  const Bytes call = CallData("allowance(address,address)").Addr(owner).Addr(spender).Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.token, call, 1, "allowance"));
  return AbiReader(words).Amount("allowance");
}

absl::StatusOr<uint32_t> ContractViews::CommitteeSize() const {
  ASSIGN_OR_RETURN(const uint64_t size, Number(deployment_.disputes, "committeeSize()"));
  return static_cast<uint32_t>(size);
}

absl::StatusOr<Wei> ContractViews::ChallengeBond() const {
  const Bytes call = CallData("challengeBond()").Encode();
  ASSIGN_OR_RETURN(const Bytes words, View(deployment_.disputes, call, 1, "challengeBond"));
  return AbiReader(words).Amount("challengeBond");
}

absl::StatusOr<uint64_t> ContractViews::SealDelayBlocks() const {
  return Number(deployment_.round_ledger, "sealDelayBlocks()");
}

absl::StatusOr<uint64_t> ContractViews::ChallengeWindowSeconds() const {
  return Number(deployment_.round_ledger, "challengeWindow()");
}

Digest DisputeId(const JobId& job, RoundId round, const WorkerId& worker) {
  return Keccak256(AbiValues().Word(WordOfJob(job)).Uint(round).Addr(worker).Encode());
}

Digest WordOfJob(const JobId& job) { return *Digest::FromBytes(job.view()); }
Digest WordOfRoot(const BlobRoot& root) { return *Digest::FromBytes(root.view()); }

}  // namespace tessera::chain
