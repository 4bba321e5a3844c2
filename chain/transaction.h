// Fee-market transactions (EIP-1559, https://eips.ethereum.org/EIPS/eip-1559) and contract
// addresses.
#pragma once

#include <optional>

#include "absl/numeric/int128.h"
#include "base/bytes.h"
#include "base/secp256k1.h"

namespace tessera::chain {

// What a transaction offers for each unit of gas, in wei of the chain's native coin.
struct GasFees {
  absl::uint128 max_fee_wei = 0;  // Base fee and tip together.
  absl::uint128 tip_wei = 0;      // At most max_fee_wei.
  friend bool operator==(const GasFees&, const GasFees&) = default;
};

struct Transaction {
  uint64_t chain_id = 0;
  uint64_t nonce = 0;
  GasFees fees = {};
  uint64_t gas_limit = 0;
  std::optional<Address> to =
      std::nullopt;             // Absent: deploys the contract whose creation code is `data`.
  absl::uint128 value_wei = 0;  // Native coin.
  Bytes data = {};
};

struct SignedTransaction {
  Bytes raw;    // For eth_sendRawTransaction.
  Digest hash;  // Names it on the chain.
};

// Type 2, with an empty access list.
SignedTransaction SignTransaction(const Transaction& transaction, const Secp256k1Key& key);

// The address of the contract that `sender` deploys with the transaction of this nonce (CREATE).
Address CreatedAddress(const Address& sender, uint64_t nonce);

}  // namespace tessera::chain
