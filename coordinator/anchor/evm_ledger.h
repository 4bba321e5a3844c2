// The Ledger on an EVM chain.
#pragma once

#include <memory>

#include "chain/account.h"
#include "chain/contracts/views.h"
#include "coordinator/anchor/ledger.h"

namespace tessera::coordinator {

class EvmLedger final : public Ledger {
 public:
  // Approves the challenge bond once if it is not. `rpc` and `clock` outlive the ledger. FailedPrecondition if the
  // deployment is not on this chain.
  static absl::StatusOr<std::unique_ptr<EvmLedger>> Open(chain::JsonRpc& rpc,
                                                         const Deployment& deployment,
                                                         const Secp256k1Key& key,
                                                         const Clock& clock,
                                                         const chain::AccountOptions& options);

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

 private:
  EvmLedger(chain::JsonRpc& rpc, const Deployment& deployment,
            std::unique_ptr<chain::Account> account, Wei challenge_bond)
      : views_(rpc, deployment), account_(std::move(account)), challenge_bond_(challenge_bond) {}

  absl::Status ApproveBond();
  absl::StatusOr<chain::Receipt> Send(const Address& contract, const chain::AbiValues& call);
  // The receipt of the transaction that emitted the event; `topics` after the signature's. NotFound if there is none.
  absl::StatusOr<chain::Receipt> ReceiptOfEvent(const Address& contract, std::string_view event,
                                                const std::vector<Digest>& topics,
                                                uint64_t from_block);
  // Only auditors with enough at stake count for the contract.
  absl::StatusOr<std::vector<DisputeWorker::Ballot>> BondedBallots(const DisputeWorker& effect);

  const chain::ContractViews views_;
  const std::unique_ptr<chain::Account> account_;
  const Wei challenge_bond_;
};

}  // namespace tessera::coordinator
