// Block headers whose fields are proven by their hash.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::chain {

// keccak256(rlp) == hash holds for every instance that BlockHeaderFromJson returns.
struct BlockHeader {
  Digest hash;
  Digest parent_hash;
  uint64_t number = 0;
  uint64_t timestamp_s = 0;  // Seconds since 1970.
  Digest prevrandao;         // The beacon chain's randomness (EIP-4399).
  absl::uint128 base_fee_wei = 0;
  Bytes rlp;  // What RoundLedger takes to draw a seed.
};

// Rebuilds the header from the object that eth_getBlockByNumber returns and proves it by its hash.
// Knows every field up to the Osaka fork: EIP-1559, EIP-4895, EIP-4844, EIP-4788, EIP-7685; members
// that are no part of a header are ignored. Unavailable if a field is missing or malformed;
// DataLoss if the fields do not hash to the claimed hash: a false node, or a fork with a header
// field unknown here.
absl::StatusOr<BlockHeader> BlockHeaderFromJson(const nlohmann::json& block);

}  // namespace tessera::chain
