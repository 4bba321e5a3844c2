// Who is audited, at which segment, by whom: functions of a seed that nobody chose. docs/protocol.md, "Sampling".
#pragma once

#include <vector>

#include "protocol/ids.h"

namespace tessera {

// keccak256(abi.encode(job, round, commit_root, prevrandao)), as RoundLedger computes it.
Digest RoundSeed(const JobId& job, RoundId round, const Digest& commit_root,
                 const Digest& prevrandao);

// True with probability p_ppm / 1,000,000.
bool IsAudited(const Digest& seed, const WorkerId& worker, const Digest& commitment,
               uint32_t p_ppm);

// In [0, segments). segments >= 1.
uint32_t AuditedSegment(const Digest& seed, const WorkerId& worker, uint32_t segments);

// Distinct slots in [0, auditor_slots) without accused_slot: min(committee_size, candidates) of them, in seat order.
std::vector<uint32_t> Committee(const Digest& seed, uint32_t accused_slot, uint32_t auditor_slots,
                                uint32_t committee_size);

// The 32-byte item of a slot in the round's commitment tree: keccak256(abi.encode(worker, commitment)).
Digest CommitmentItem(const WorkerId& worker, const Digest& commitment);

}  // namespace tessera
