#include "chain/receipt.h"

#include "base/status_macros.h"
#include "chain/json_fields.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

constexpr size_t kTopicsMax = 4;  // LOG4 is the widest instruction of the EVM.

absl::StatusOr<const Json*> ArrayField(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const Json* field, Field(object, key));
  if (!field->is_array()) {
    return absl::UnavailableError("node's " + std::string(key) + " is not an array");
  }
  return field;
}

}  // namespace

absl::StatusOr<Log> LogFromJson(const Json& json) {
  Log log;
  ASSIGN_OR_RETURN(log.address, FixedField<Address>(json, "address"));
  ASSIGN_OR_RETURN(const Json* topics, ArrayField(json, "topics"));
  if (topics->size() > kTopicsMax) return absl::UnavailableError("node's log has over 4 topics");
  for (const Json& topic : *topics) {
    ASSIGN_OR_RETURN(const Digest digest, FixedOf<Digest>(topic, "topic"));
    log.topics.push_back(digest);
  }
  ASSIGN_OR_RETURN(log.data, DataField(json, "data"));
  ASSIGN_OR_RETURN(log.block_number, Uint64Field(json, "blockNumber"));
  ASSIGN_OR_RETURN(log.block_hash, FixedField<Digest>(json, "blockHash"));
  ASSIGN_OR_RETURN(log.tx_hash, FixedField<Digest>(json, "transactionHash"));
  ASSIGN_OR_RETURN(log.log_index, Uint64Field(json, "logIndex"));
  return log;
}

absl::StatusOr<Receipt> ReceiptFromJson(const Json& json) {
  Receipt receipt;
  ASSIGN_OR_RETURN(receipt.tx_hash, FixedField<Digest>(json, "transactionHash"));
  ASSIGN_OR_RETURN(receipt.block_number, Uint64Field(json, "blockNumber"));
  ASSIGN_OR_RETURN(receipt.block_hash, FixedField<Digest>(json, "blockHash"));
  ASSIGN_OR_RETURN(const uint64_t status, Uint64Field(json, "status"));
  if (status > 1) return absl::UnavailableError("node's status is neither 0 nor 1");
  receipt.outcome = status == 1 ? TxOutcome::kSucceeded : TxOutcome::kReverted;
  ASSIGN_OR_RETURN(receipt.gas_used, Uint64Field(json, "gasUsed"));
  ASSIGN_OR_RETURN(receipt.effective_gas_price_wei, QuantityField(json, "effectiveGasPrice"));
  if (HasField(json, "contractAddress")) {
    ASSIGN_OR_RETURN(receipt.created, FixedField<Address>(json, "contractAddress"));
  }
  ASSIGN_OR_RETURN(const Json* logs, ArrayField(json, "logs"));
  for (const Json& item : *logs) {
    ASSIGN_OR_RETURN(Log log, LogFromJson(item));
    receipt.logs.push_back(std::move(log));
  }
  return receipt;
}

}  // namespace tessera::chain
