#include "protocol/claim_tree.h"

#include <algorithm>

#include "base/hash.h"
#include "protocol/abi_words.h"

namespace tessera {
namespace {

// Pairs are hashed in ascending order, so that a proof needs no left and right.
Digest HashPair(const Digest& a, const Digest& b) {
  const auto& [low, high] = std::minmax(a, b);
  return AbiWords().Word(low).Word(high).Keccak();
}

size_t Parent(size_t index) { return (index - 1) / 2; }
size_t Sibling(size_t index) { return index % 2 == 1 ? index + 1 : index - 1; }

}  // namespace

absl::StatusOr<ClaimTree> ClaimTree::Build(const std::map<Address, Wei>& cumulative) {
  std::vector<std::pair<Digest, Address>> leaves;
  for (const auto& [account, amount] : cumulative) {
    if (amount != Wei()) leaves.emplace_back(ClaimLeaf(account, amount), account);
  }
  if (leaves.empty()) return absl::InvalidArgumentError("claim tree: nobody has a claim");
  std::sort(leaves.begin(), leaves.end());

  // n leaves make 2n - 1 nodes; the smallest leaf is the last node.
  ClaimTree tree;
  tree.nodes_.resize(2 * leaves.size() - 1);
  for (size_t i = 0; i < leaves.size(); ++i) {
    const size_t node = tree.nodes_.size() - 1 - i;
    tree.nodes_[node] = leaves[i].first;
    tree.leaf_index_[leaves[i].second] = node;
  }
  for (size_t node = leaves.size() - 1; node-- > 0;) {
    tree.nodes_[node] = HashPair(tree.nodes_[2 * node + 1], tree.nodes_[2 * node + 2]);
  }
  return tree;
}

absl::StatusOr<std::vector<Digest>> ClaimTree::Proof(const Address& account) const {
  const auto found = leaf_index_.find(account);
  if (found == leaf_index_.end()) {
    return absl::NotFoundError("account " + account.hex() + " has no claim");
  }
  std::vector<Digest> proof;
  for (size_t node = found->second; node != 0; node = Parent(node)) {
    proof.push_back(nodes_[Sibling(node)]);
  }
  return proof;
}

Digest ClaimLeaf(const Address& account, Wei cumulative) {
  const Digest inner = AbiWords().Account(account).Word(cumulative.ToWord()).Keccak();
  // Hashed twice, so that no inner node (64 bytes hashed once) is the leaf of an invented claim.
  return Keccak256(inner.view());
}

bool VerifyClaim(const Digest& root, const Address& account, Wei cumulative,
                 std::span<const Digest> proof) {
  Digest node = ClaimLeaf(account, cumulative);
  for (const Digest& sibling : proof) node = HashPair(node, sibling);
  return node == root;
}

}  // namespace tessera
