// Whether a round's model is what its job's rule makes of the revealed updates.
#pragma once

#include "cli/verify_round.h"

namespace tessera::cli {

// The roots of the updates that made the round's model, in the order in which CheckModel takes
// them: ascending workers.
std::vector<BlobRoot> RevealedUpdates(const RoundEvidence& evidence);

// Recomputes the round's model from `updates` and compares it with evidence and chain; on success
// `after` receives the model root and the outer state of the next round. Errors are differences
// too: bytes that are no update, for one.
Check CheckModel(const JobFacts& facts, const CarryOver& before, const RoundEvidence& evidence,
                 const RoundOnChain& on_chain, std::span<const Bytes> updates, CarryOver& after);

}  // namespace tessera::cli
