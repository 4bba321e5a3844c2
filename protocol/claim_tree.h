// The cumulative payout tree that JobVault pays from: OpenZeppelin's standard Merkle tree. docs/protocol.md, "Claims".
#pragma once

#include <map>
#include <vector>

#include "absl/status/statusor.h"
#include "base/wei.h"

namespace tessera {

// Immutable after construction.
class ClaimTree {
 public:
  // Accounts with zero are left out. InvalidArgument if nobody is left.
  static absl::StatusOr<ClaimTree> Build(const std::map<Address, Wei>& cumulative);

  Digest root() const { return nodes_.front(); }
  // NotFound if the account has no leaf.
  absl::StatusOr<std::vector<Digest>> Proof(const Address& account) const;

 private:
  std::vector<Digest> nodes_;  // A complete binary tree as an array: root first, leaves last.
  std::map<Address, size_t> leaf_index_;  // Account -> its place in nodes_.
};

Digest ClaimLeaf(const Address& account, Wei cumulative);
bool VerifyClaim(const Digest& root, const Address& account, Wei cumulative,
                 std::span<const Digest> proof);

}  // namespace tessera
