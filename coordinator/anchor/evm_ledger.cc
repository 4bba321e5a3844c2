#include "coordinator/anchor/evm_ledger.h"

#include "base/status_macros.h"
#include "chain/abi.h"
#include "spdlog/spdlog.h"

namespace tessera::coordinator {
namespace {

using chain::AbiReader;
using chain::AbiValues;
using chain::CallData;
using chain::LedgerPhase;
using chain::Receipt;
using chain::RoundView;
using chain::WordOf;
using chain::WordOfJob;
using chain::WordOfRoot;

constexpr char kAnchored[] = "Anchored(bytes32,uint64,bytes32,uint32,uint32,bytes32,uint40,uint40)";
constexpr char kSealed[] = "Sealed(bytes32,uint64,bytes32)";
constexpr char kSettled[] = "Settled(bytes32,uint64,bytes32,bytes32,uint96,uint40)";
constexpr char kFinalized[] = "Finalized(bytes32,uint64,bytes32,uint96)";
constexpr char kLapsed[] = "Lapsed(bytes32,uint64)";
constexpr char kDisputeOpened[] =
    "DisputeOpened(bytes32,uint64,address,uint256,address,uint32,uint40)";
constexpr char kDisputeDecided[] = "DisputeDecided(bytes32,uint64,address,uint256,bool,uint256)";

constexpr char kCommitmentTuple[] =
    "(bytes32,uint64,address,uint32,bytes32,uint32,bytes32,uint64,uint64,bytes32,uint32)";
constexpr char kBallotTuple[] =
    "((bytes32,uint64,address,address,bytes32,uint32,bytes32,uint8),bytes,uint32,bytes32,bytes32[]"
    ")";

// A block's prevrandao can be proven on-chain for this many blocks (EIP-2935).
constexpr uint64_t kHistoryBlocks = 8191;

AbiValues CommitmentValues(const Commitment& c) {
  return AbiValues()
      .Word(WordOfJob(c.job))
      .Uint(c.round)
      .Addr(c.worker)
      .Uint(static_cast<uint32_t>(c.engine_class))
      .Word(WordOfRoot(c.base_model_root))
      .Uint(c.shard)
      .Word(WordOfRoot(c.update_root))
      .Uint(c.update_bytes)
      .Uint(c.dimension)
      .Word(c.state_chain_root)
      .Uint(c.segments);
}

AbiValues BallotValues(const DisputeWorker::Ballot& ballot) {
  const Verdict& v = ballot.verdict;
  return AbiValues()
      .Tuple(AbiValues()
                 .Word(WordOfJob(v.job))
                 .Uint(v.round)
                 .Addr(v.auditor)
                 .Addr(v.worker)
                 .Word(v.commitment)
                 .Uint(v.segment)
                 .Word(WordOfRoot(v.result_root))
                 .Uint(static_cast<uint8_t>(v.outcome)))
      .DynamicBytes(ballot.signature.view())
      .Uint(ballot.slot)
      .Word(ballot.commitment)
      .WordArray(ballot.proof);
}

absl::Status UnexpectedPhase(RoundId round, const RoundView& view) {
  return absl::FailedPreconditionError("round " + std::to_string(round) + " is " +
                                       std::string(LedgerPhaseName(view.phase)) + " on the chain");
}

}  // namespace

absl::StatusOr<std::unique_ptr<EvmLedger>> EvmLedger::Open(chain::JsonRpc& rpc,
                                                           const Deployment& deployment,
                                                           const Secp256k1Key& key,
                                                           const Clock& clock,
                                                           const chain::AccountOptions& options) {
  ASSIGN_OR_RETURN(std::unique_ptr<chain::Account> account,
                   chain::Account::Open(rpc, key, clock, options));
  if (account->chain_id() != deployment.chain_id) {
    return absl::FailedPreconditionError(
        "the deployment file is for chain " + std::to_string(deployment.chain_id) +
        ", the node is on chain " + std::to_string(account->chain_id()));
  }
  ASSIGN_OR_RETURN(const Wei bond, chain::ContractViews(rpc, deployment).ChallengeBond());
  std::unique_ptr<EvmLedger> ledger(new EvmLedger(rpc, deployment, std::move(account), bond));
  RETURN_IF_ERROR(ledger->ApproveBond());
  return ledger;
}

absl::Status EvmLedger::ApproveBond() {
  const Deployment& at = views_.deployment();
  ASSIGN_OR_RETURN(const Wei balance, views_.TokenBalance(account_->address()));
  if (balance < challenge_bond_) {
    spdlog::warn(
        "{} holds {} tokens, a challenge needs a bond of {}: "
        "proven cheats will not be slashed before it has them",
        account_->address().hex(), balance.ToTokenString(), challenge_bond_.ToTokenString());
  }
  ASSIGN_OR_RETURN(const Wei allowed, views_.Allowance(account_->address(), at.disputes));
  // A thousand bonds: refilled at a start, never unlimited.
  const Wei wanted = challenge_bond_ * 1000;
  if (allowed >= challenge_bond_ * 100) return absl::OkStatus();
  return Send(at.token, CallData("approve(address,uint256)").Addr(at.disputes).Amount(wanted))
      .status();
}

absl::StatusOr<Receipt> EvmLedger::Send(const Address& contract, const AbiValues& call) {
  return account_->Send({.to = contract, .data = call.Encode(), .value_wei = 0});
}

absl::StatusOr<Receipt> EvmLedger::ReceiptOfEvent(const Address& contract, std::string_view event,
                                                  const std::vector<Digest>& topics,
                                                  uint64_t from_block) {
  const chain::Reader& reader = views_.reader();
  ASSIGN_OR_RETURN(const chain::BlockSummary head, reader.Block(chain::BlockId::Latest()));
  chain::LogFilter filter;
  filter.addresses = {contract};
  filter.topics.push_back({chain::EventTopic(event)});
  for (const Digest& topic : topics) filter.topics.push_back({topic});
  filter.from_block = from_block;
  filter.to_block = std::max(from_block, head.number);
  ASSIGN_OR_RETURN(const std::vector<chain::Log> logs, reader.Logs(filter));
  if (logs.empty()) return absl::NotFoundError("no event " + std::string(event));
  ASSIGN_OR_RETURN(std::optional<Receipt> receipt, reader.TransactionReceipt(logs.back().tx_hash));
  if (!receipt.has_value()) return absl::UnavailableError("an event's transaction has no receipt");
  return *std::move(receipt);
}

absl::StatusOr<RoundAnchored> EvmLedger::Anchor(const JobId& job, const AnchorRound& effect) {
  const Address& ledger = views_.deployment().round_ledger;
  ASSIGN_OR_RETURN(RoundView view, views_.Round(job, effect.round));
  if (view.phase == LedgerPhase::kNone) {
    RETURN_IF_ERROR(Send(ledger, CallData("anchor(bytes32,uint64,bytes32,uint32,uint32,bytes32)")
                                     .Word(WordOfJob(job))
                                     .Uint(effect.round)
                                     .Word(effect.commitment_root)
                                     .Uint(effect.slots)
                                     .Uint(effect.auditor_slots)
                                     .Word(WordOfRoot(effect.base_model_root)))
                        .status());
    ASSIGN_OR_RETURN(view, views_.Round(job, effect.round));
  }
  if (view.commit_root != effect.commitment_root) {
    return absl::FailedPreconditionError("round " + std::to_string(effect.round) +
                                         " is anchored with another root on the chain");
  }
  ASSIGN_OR_RETURN(
      const Receipt receipt,
      ReceiptOfEvent(ledger, kAnchored, {WordOfJob(job), WordOf(effect.round)}, view.anchor_block));
  return RoundAnchored{effect.round, receipt.tx_hash, receipt.block_number, receipt.gas_used};
}

absl::StatusOr<RoundSealed> EvmLedger::Seal(const JobId& job, const SealRound& effect) {
  const Address& ledger = views_.deployment().round_ledger;
  ASSIGN_OR_RETURN(RoundView view, views_.Round(job, effect.round));
  if (view.phase == LedgerPhase::kAnchored) {
    const chain::Reader& reader = views_.reader();
    ASSIGN_OR_RETURN(const chain::BlockSummary head, reader.Block(chain::BlockId::Latest()));
    if (head.number <= view.draw_block) {
      return absl::OutOfRangeError("the seed's block is not mined yet");
    }
    if (head.number > view.draw_block + kHistoryBlocks) {
      RETURN_IF_ERROR(
          Send(ledger, CallData("redraw(bytes32,uint64)").Word(WordOfJob(job)).Uint(effect.round))
              .status());
      return absl::OutOfRangeError("the seed's block was missed; another one is fixed");
    }
    ASSIGN_OR_RETURN(const chain::BlockHeader header,
                     reader.Header(chain::BlockId::Number(view.draw_block)));
    RETURN_IF_ERROR(Send(ledger, CallData("seal(bytes32,uint64,bytes)")
                                     .Word(WordOfJob(job))
                                     .Uint(effect.round)
                                     .DynamicBytes(header.rlp))
                        .status());
    ASSIGN_OR_RETURN(view, views_.Round(job, effect.round));
  }
  if (view.seed.is_zero()) return UnexpectedPhase(effect.round, view);
  ASSIGN_OR_RETURN(
      const Receipt receipt,
      ReceiptOfEvent(ledger, kSealed, {WordOfJob(job), WordOf(effect.round)}, view.anchor_block));
  return RoundSealed{effect.round, view.seed, receipt.gas_used};
}

absl::StatusOr<std::vector<DisputeWorker::Ballot>> EvmLedger::BondedBallots(
    const DisputeWorker& effect) {
  std::vector<DisputeWorker::Ballot> bonded;
  for (const DisputeWorker::Ballot& ballot : effect.ballots) {
    ASSIGN_OR_RETURN(const chain::StakeView stake, views_.Stake(ballot.verdict.auditor));
    if (stake.bonded >= challenge_bond_) bonded.push_back(ballot);
  }
  return bonded;
}

absl::StatusOr<DisputeDecided> EvmLedger::Dispute(const JobId& job, const DisputeWorker& effect) {
  const Address& disputes = views_.deployment().disputes;
  const WorkerId& worker = effect.commitment.worker;
  const Digest id = chain::DisputeId(job, effect.round, worker);
  ASSIGN_OR_RETURN(const RoundView round, views_.Round(job, effect.round));
  ASSIGN_OR_RETURN(chain::DisputeState state, views_.Dispute(id));
  if (state == chain::DisputeState::kNone) {
    RETURN_IF_ERROR(Send(disputes, CallData("open(" + std::string(kCommitmentTuple) +
                                            ",bytes,uint32,bytes32[])")
                                       .Tuple(CommitmentValues(effect.commitment))
                                       .DynamicBytes(effect.signature.view())
                                       .Uint(effect.slot)
                                       .WordArray(effect.proof))
                        .status());
    state = chain::DisputeState::kOpen;
  }
  if (state == chain::DisputeState::kOpen) {
    ASSIGN_OR_RETURN(const std::vector<DisputeWorker::Ballot> ballots, BondedBallots(effect));
    std::vector<AbiValues> tuples;
    for (const DisputeWorker::Ballot& ballot : ballots) tuples.push_back(BallotValues(ballot));
    RETURN_IF_ERROR(Send(disputes, CallData("decide(uint256," + std::string(kBallotTuple) + "[])")
                                       .Word(id)
                                       .TupleArray(tuples))
                        .status());
    ASSIGN_OR_RETURN(state, views_.Dispute(id));
  }
  const std::vector<Digest> topics = {WordOfJob(job), WordOf(effect.round), WordOf(worker)};
  ASSIGN_OR_RETURN(const Receipt opened,
                   ReceiptOfEvent(disputes, kDisputeOpened, topics, round.anchor_block));
  DisputeDecided decided{effect.round, worker, state == chain::DisputeState::kUpheld, Wei(),
                         opened.gas_used};
  if (state == chain::DisputeState::kDismissed) return decided;
  ASSIGN_OR_RETURN(const Receipt receipt,
                   ReceiptOfEvent(disputes, kDisputeDecided, topics, round.anchor_block));
  decided.gas += receipt.gas_used;
  for (const chain::Log& log : receipt.logs) {
    if (log.topics.empty() || log.topics[0] != chain::EventTopic(kDisputeDecided)) continue;
    AbiReader fields(log.data);
    RETURN_IF_ERROR(fields.Word("id").status());
    RETURN_IF_ERROR(fields.Bool("guilty").status());
    ASSIGN_OR_RETURN(decided.slashed, fields.Amount("slashed"));
  }
  return decided;
}

absl::StatusOr<RoundSettled> EvmLedger::Settle(const JobId& job, const SettleRound& effect) {
  const Address& ledger = views_.deployment().round_ledger;
  ASSIGN_OR_RETURN(RoundView view, views_.Round(job, effect.round));
  if (view.phase == LedgerPhase::kSealed) {
    RETURN_IF_ERROR(Send(ledger, CallData("settle(bytes32,uint64,bytes32,bytes32,uint96)")
                                     .Word(WordOfJob(job))
                                     .Uint(effect.round)
                                     .Word(effect.payout_root)
                                     .Word(WordOfRoot(effect.model_root))
                                     .Amount(effect.pay))
                        .status());
    ASSIGN_OR_RETURN(view, views_.Round(job, effect.round));
  }
  if (view.phase != LedgerPhase::kSettled && view.phase != LedgerPhase::kFinal) {
    return UnexpectedPhase(effect.round, view);
  }
  if (view.payout_root != effect.payout_root || view.model_root != effect.model_root) {
    return absl::FailedPreconditionError("round " + std::to_string(effect.round) +
                                         " is settled with other roots on the chain");
  }
  ASSIGN_OR_RETURN(
      const Receipt receipt,
      ReceiptOfEvent(ledger, kSettled, {WordOfJob(job), WordOf(effect.round)}, view.anchor_block));
  return RoundSettled{effect.round, receipt.tx_hash, static_cast<int64_t>(view.deadline_s) * 1000,
                      receipt.gas_used};
}

absl::StatusOr<RoundFinalized> EvmLedger::Finalize(const JobId& job, RoundId round) {
  const Address& ledger = views_.deployment().round_ledger;
  ASSIGN_OR_RETURN(RoundView view, views_.Round(job, round));
  if (view.phase == LedgerPhase::kSettled) {
    ASSIGN_OR_RETURN(const chain::BlockSummary head,
                     views_.reader().Block(chain::BlockId::Latest()));
    // Gas is estimated on top of the newest block, which has to be past the window itself.
    if (head.timestamp_s <= view.deadline_s) {
      return absl::OutOfRangeError("the challenge window is open");
    }
    RETURN_IF_ERROR(
        Send(ledger, CallData("finalize(bytes32,uint64)").Word(WordOfJob(job)).Uint(round))
            .status());
    ASSIGN_OR_RETURN(view, views_.Round(job, round));
  }
  if (view.phase != LedgerPhase::kFinal) return UnexpectedPhase(round, view);
  ASSIGN_OR_RETURN(
      const Receipt receipt,
      ReceiptOfEvent(ledger, kFinalized, {WordOfJob(job), WordOf(round)}, view.anchor_block));
  return RoundFinalized{round, receipt.gas_used};
}

absl::StatusOr<RoundLapsed> EvmLedger::Lapse(const JobId& job, RoundId round) {
  const Address& ledger = views_.deployment().round_ledger;
  ASSIGN_OR_RETURN(RoundView view, views_.Round(job, round));
  if (view.phase == LedgerPhase::kAnchored || view.phase == LedgerPhase::kSealed) {
    ASSIGN_OR_RETURN(const chain::BlockSummary head,
                     views_.reader().Block(chain::BlockId::Latest()));
    if (head.timestamp_s <= view.deadline_s) {
      return absl::OutOfRangeError("the round may still be settled");
    }
    RETURN_IF_ERROR(
        Send(ledger, CallData("lapse(bytes32,uint64)").Word(WordOfJob(job)).Uint(round)).status());
    ASSIGN_OR_RETURN(view, views_.Round(job, round));
  }
  if (view.phase != LedgerPhase::kLapsed) return UnexpectedPhase(round, view);
  ASSIGN_OR_RETURN(
      const Receipt receipt,
      ReceiptOfEvent(ledger, kLapsed, {WordOfJob(job), WordOf(round)}, view.anchor_block));
  return RoundLapsed{round, receipt.gas_used};
}

absl::Status EvmLedger::Close(const JobId& job) {
  const Address& vault = views_.deployment().job_vault;
  ASSIGN_OR_RETURN(chain::JobView view, views_.Job(job));
  if (!view.closed) {
    RETURN_IF_ERROR(Send(vault, CallData("close(bytes32)").Word(WordOfJob(job))).status());
  }
  if (view.deposited - view.released - view.refunded > Wei()) {
    RETURN_IF_ERROR(Send(vault, CallData("refund(bytes32)").Word(WordOfJob(job))).status());
  }
  return absl::OkStatus();
}

absl::StatusOr<Escrow> EvmLedger::EscrowOf(const JobId& job) {
  ASSIGN_OR_RETURN(const chain::JobView view, views_.Job(job));
  if (view.owner.is_zero()) {
    return absl::NotFoundError("nothing is in escrow for job " + job.hex() +
                               "; `tessera job launch` funds it first");
  }
  return Escrow{view.owner,     view.coordinator,   view.spec_hash,
                view.deposited, view.round_pay_max, view.closed};
}

absl::StatusOr<LedgerParameters> EvmLedger::Parameters() {
  LedgerParameters parameters;
  ASSIGN_OR_RETURN(parameters.committee_size, views_.CommitteeSize());
  ASSIGN_OR_RETURN(parameters.seal_delay_blocks, views_.SealDelayBlocks());
  ASSIGN_OR_RETURN(parameters.challenge_window_s, views_.ChallengeWindowSeconds());
  return parameters;
}

absl::StatusOr<Wei> EvmLedger::StakeOf(const WorkerId& worker) {
  ASSIGN_OR_RETURN(const chain::StakeView stake, views_.Stake(worker));
  return stake.bonded;
}

}  // namespace tessera::coordinator
