// The job as a whole: its specification against the escrow, one round after the other, and the
// escrow's books.
#pragma once

#include "cli/verify_model.h"

namespace tessera::cli {

// That specification and manifest are the ones the researcher paid for.
struct PublishedJob {
  Bytes spec_bytes;
  Bytes manifest_bytes;
  BlobRoot initial_model_root;
};
Check CheckJob(const PublishedJob& published, const chain::JobView& escrow);

// All checks of a settled round in order; on success `carry` moves on to the next round.
Check CheckSettledRound(const JobFacts& facts, const RoundEvidence& evidence,
                        const RoundOnChain& on_chain, std::span<const Bytes> updates,
                        CarryOver& carry);

// A round that was anchored and ended unpaid: its commitments are checked, and that nothing of it
// counts.
Check CheckAbortedRound(const JobFacts& facts, const RoundEvidence& evidence,
                        const RoundOnChain& on_chain, const CarryOver& carry);

// That the escrow's books follow from the rounds: released is the pay of final rounds, reserved
// that of settled ones, and deposited covers both and what went back.
Check CheckEscrow(const chain::JobView& escrow, std::span<const chain::RoundView> rounds);

}  // namespace tessera::cli
