// What the chain says about a mined transaction.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <optional>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::chain {

// One event of a contract.
struct Log {
  Address address;             // The contract that emitted it.
  std::vector<Digest> topics;  // EventTopic, then indexed arguments; at most 4.
  Bytes data;                  // The other arguments, for AbiReader.
  uint64_t block_number = 0;
  Digest block_hash;
  Digest tx_hash;
  uint64_t log_index = 0;  // Within the block.
};

enum class TxOutcome { kReverted, kSucceeded };

struct Receipt {
  Digest tx_hash;
  uint64_t block_number = 0;
  Digest block_hash;
  TxOutcome outcome = TxOutcome::kReverted;
  uint64_t gas_used = 0;
  absl::uint128 effective_gas_price_wei = 0;  // Per unit of gas.
  std::optional<Address> created;             // The contract, if the transaction deployed one.
  std::vector<Log> logs;
};

// From a node's JSON. Unavailable if a field is missing or malformed.
absl::StatusOr<Log> LogFromJson(const nlohmann::json& log);
absl::StatusOr<Receipt> ReceiptFromJson(const nlohmann::json& receipt);

}  // namespace tessera::chain
