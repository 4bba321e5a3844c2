// Whether a round pays what its evidence earns, and what it does to standings.
#pragma once

#include "cli/verify_round.h"

namespace tessera::cli {

// Recomputes every worker's pay, the sums by payout account, the claim tree and the total, and
// compares them with evidence and chain; on success `after` receives the sums and the valid rounds
// in a row. A round that the chain has rejected pays nothing. Call after CheckAudits and
// CheckModel, which establish what is paid for.
Check CheckPay(const JobFacts& facts, const CarryOver& before, const RoundEvidence& evidence,
               const RoundOnChain& on_chain, CarryOver& after);

}  // namespace tessera::cli
