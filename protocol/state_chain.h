// The salted chain of state roots that a worker commits to. docs/protocol.md, "Model roots and state roots".
#pragma once

#include <vector>

#include "base/ed25519.h"
#include "protocol/merkle.h"

namespace tessera {

// salt_i of a worker, known only to the holder of its authentication seed.
Salt StateSalt(const Ed25519Seed& seed, const JobId& job, RoundId round, uint32_t index);

// item i of the chain.
Digest StateItem(const Salt& salt, uint32_t index, const BlobRoot& state_root);

// One opened leaf: enough to check a state root against the commitment.
struct StateOpening {
  uint32_t index = 0;
  BlobRoot state_root;
  Salt salt;
  std::vector<Digest> proof;

  friend bool operator==(const StateOpening&, const StateOpening&) = default;
};

// All roots of a worker's run, index 0..segments.
class StateChain {
 public:
  // InvalidArgument if state_roots.size() < 2.
  static absl::StatusOr<StateChain> Build(std::span<const BlobRoot> state_roots,
                                          const Ed25519Seed& seed, const JobId& job, RoundId round);
  Digest root() const { return tree_.root(); }
  uint32_t segments() const { return static_cast<uint32_t>(state_roots_.size()) - 1; }
  absl::StatusOr<StateOpening> Open(uint32_t index) const;  // OutOfRange above segments().

 private:
  StateChain(std::vector<BlobRoot> state_roots, std::vector<Salt> salts, ItemTree tree)
      : state_roots_(std::move(state_roots)), salts_(std::move(salts)), tree_(std::move(tree)) {}
  std::vector<BlobRoot> state_roots_;
  std::vector<Salt> salts_;
  ItemTree tree_;
};

// Whether the opening belongs to a chain of `segments` segments with this root.
bool VerifyOpening(const Digest& chain_root, uint32_t segments, const StateOpening& opening);

// What an auditor sends before it learns the worker's answer.
Digest AuditCommitment(const JobId& job, RoundId round, const WorkerId& worker, uint32_t segment,
                       const WorkerId& auditor, const Salt& salt, const BlobRoot& result_root);

}  // namespace tessera
