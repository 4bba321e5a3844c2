// The chain as the coordinator needs it: a port, so that the rest knows nothing of transactions.
#pragma once

#include "absl/status/statusor.h"
#include "coordinator/core/effect.h"
#include "coordinator/core/event.h"
#include "protocol/deployment.h"

namespace tessera::coordinator {

// What a job has in escrow.
struct Escrow {
  Address owner;
  Address coordinator;
  Digest spec_hash;
  Wei deposited;
  Wei round_pay_max;
  bool closed = false;
};

// What the deployed contracts were built with.
struct LedgerParameters {
  uint32_t committee_size = 0;
  uint64_t seal_delay_blocks = 0;
  uint64_t challenge_window_s = 0;
};

// Every action is idempotent: asked for twice, it finds what the first one did, on whichever
// process's behalf, and returns its receipt. OutOfRange: the chain has not come far enough, ask
// again soon. Unavailable: the node does not answer. Actions belong to one thread; the questions
// may come from any.
class Ledger {
 public:
  virtual ~Ledger() = default;

  virtual absl::StatusOr<RoundAnchored> Anchor(const JobId& job, const AnchorRound& effect) = 0;
  virtual absl::StatusOr<RoundSealed> Seal(const JobId& job, const SealRound& effect) = 0;
  virtual absl::StatusOr<DisputeDecided> Dispute(const JobId& job, const DisputeWorker& effect) = 0;
  virtual absl::StatusOr<RoundSettled> Settle(const JobId& job, const SettleRound& effect) = 0;
  virtual absl::StatusOr<RoundFinalized> Finalize(const JobId& job, RoundId round) = 0;
  virtual absl::StatusOr<RoundLapsed> Lapse(const JobId& job, RoundId round) = 0;
  virtual absl::Status Close(const JobId& job) = 0;

  // NotFound if nothing was escrowed under this id.
  virtual absl::StatusOr<Escrow> EscrowOf(const JobId& job) = 0;
  virtual absl::StatusOr<LedgerParameters> Parameters() = 0;
  // Bonded, not unbonding.
  virtual absl::StatusOr<Wei> StakeOf(const WorkerId& worker) = 0;
};

}  // namespace tessera::coordinator
