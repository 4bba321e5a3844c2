#include "protocol/state_chain.h"

#include "base/hash.h"
#include "base/status_macros.h"

namespace tessera {

Salt StateSalt(const Ed25519Seed& seed, const JobId& job, RoundId round, uint32_t index) {
  ByteWriter writer;
  writer.Tag("tessera/v1/salt").Raw(seed.view()).Raw(job.view()).Be(round).Be(index);
  Salt salt;
  const Digest digest = Sha256(writer.bytes());
  std::memcpy(salt.data(), digest.data(), Salt::kSize);
  return salt;
}

Digest StateItem(const Salt& salt, uint32_t index, const BlobRoot& state_root) {
  ByteWriter writer;
  writer.Tag("tessera/v1/state").Raw(salt.view()).Be(index).Raw(state_root.view());
  return Sha256(writer.bytes());
}

absl::StatusOr<StateChain> StateChain::Build(std::span<const BlobRoot> state_roots,
                                             const Ed25519Seed& seed, const JobId& job,
                                             RoundId round) {
  if (state_roots.size() < 2) {
    return absl::InvalidArgumentError("state chain of " + std::to_string(state_roots.size()) +
                                      " states, must be at least 2");
  }
  std::vector<Salt> salts;
  std::vector<Digest> items;
  for (const BlobRoot& state_root : state_roots) {
    const uint32_t index = static_cast<uint32_t>(salts.size());
    salts.push_back(StateSalt(seed, job, round, index));
    items.push_back(StateItem(salts.back(), index, state_root));
  }
  ASSIGN_OR_RETURN(ItemTree tree, ItemTree::Build(items));
  return StateChain({state_roots.begin(), state_roots.end()}, std::move(salts), std::move(tree));
}

absl::StatusOr<StateOpening> StateChain::Open(uint32_t index) const {
  ASSIGN_OR_RETURN(std::vector<Digest> proof, tree_.Proof(index));
  return StateOpening{index, state_roots_[index], salts_[index], std::move(proof)};
}

bool VerifyOpening(const Digest& chain_root, uint32_t segments, const StateOpening& opening) {
  const Digest item = StateItem(opening.salt, opening.index, opening.state_root);
  return VerifyItem(chain_root, size_t{segments} + 1, opening.index, item, opening.proof);
}

Digest AuditCommitment(const JobId& job, RoundId round, const WorkerId& worker, uint32_t segment,
                       const WorkerId& auditor, const Salt& salt, const BlobRoot& result_root) {
  ByteWriter writer;
  writer.Tag("tessera/v1/audit").Raw(job.view()).Be(round).Raw(worker.view()).Be(segment);
  writer.Raw(auditor.view()).Raw(salt.view()).Raw(result_root.view());
  return Sha256(writer.bytes());
}

}  // namespace tessera
