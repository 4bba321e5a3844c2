#include "protocol/sampling.h"

#include <algorithm>
#include <cassert>

#include "protocol/abi_words.h"

namespace tessera {
namespace {

// uint64(bytes8(digest)).
uint64_t FirstWord(const Digest& digest) {
  uint64_t value = 0;
  for (uint8_t byte : digest.view().first(8)) value = value << 8 | byte;
  return value;
}

// uint256(digest) % divisor. A 32-bit divisor keeps the running remainder within 40 bits.
uint32_t Modulo(const Digest& digest, uint32_t divisor) {
  uint64_t remainder = 0;
  for (uint8_t byte : digest.view()) remainder = (remainder << 8 | byte) % divisor;
  return static_cast<uint32_t>(remainder);
}

}  // namespace

Digest RoundSeed(const JobId& job, RoundId round, const Digest& commit_root,
                 const Digest& prevrandao) {
  return AbiWords().Word(job).Uint(round).Word(commit_root).Word(prevrandao).Keccak();
}

bool IsAudited(const Digest& seed, const WorkerId& worker, const Digest& commitment,
               uint32_t p_ppm) {
  const Digest draw =
      AbiWords().Word(seed).Ascii("audit").Account(worker).Word(commitment).Keccak();
  return FirstWord(draw) % 1'000'000 < p_ppm;
}

uint32_t AuditedSegment(const Digest& seed, const WorkerId& worker, uint32_t segments) {
  assert(segments >= 1);
  const Digest draw = AbiWords().Word(seed).Ascii("segment").Account(worker).Keccak();
  return static_cast<uint32_t>(FirstWord(draw) % segments);
}

std::vector<uint32_t> Committee(const Digest& seed, uint32_t accused_slot, uint32_t auditor_slots,
                                uint32_t committee_size) {
  std::vector<uint32_t> candidates;
  for (uint32_t slot = 0; slot < auditor_slots; ++slot) {
    if (slot != accused_slot) candidates.push_back(slot);
  }
  const uint32_t count = static_cast<uint32_t>(candidates.size());
  const uint32_t seats = std::min(committee_size, count);
  // The first steps of a Fisher-Yates shuffle: seat i is drawn from those not yet seated.
  for (uint32_t i = 0; i < seats; ++i) {
    const Digest draw = AbiWords().Word(seed).Ascii("seat").Uint(accused_slot).Uint(i).Keccak();
    std::swap(candidates[i], candidates[i + Modulo(draw, count - i)]);
  }
  candidates.resize(seats);
  return candidates;
}

Digest CommitmentItem(const WorkerId& worker, const Digest& commitment) {
  return AbiWords().Account(worker).Word(commitment).Keccak();
}

}  // namespace tessera
