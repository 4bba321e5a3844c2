#include "chain/block_header.h"

#include "base/hash.h"
#include "base/status_macros.h"
#include "chain/json_fields.h"
#include "chain/rlp.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

enum class Form { kData, kInteger };

struct HeaderField {
  const char* key;
  Form form;
};

// In the order of the header's list. The first fifteen are in every block.
constexpr HeaderField kFields[] = {
    {"parentHash", Form::kData},  {"sha3Uncles", Form::kData},       {"miner", Form::kData},
    {"stateRoot", Form::kData},   {"transactionsRoot", Form::kData}, {"receiptsRoot", Form::kData},
    {"logsBloom", Form::kData},   {"difficulty", Form::kInteger},    {"number", Form::kInteger},
    {"gasLimit", Form::kInteger}, {"gasUsed", Form::kInteger},       {"timestamp", Form::kInteger},
    {"extraData", Form::kData},   {"mixHash", Form::kData},          {"nonce", Form::kData},
};

// Each fork appended some; a block that has one has all before it.
constexpr HeaderField kForkFields[] = {
    {"baseFeePerGas", Form::kInteger},       // London, EIP-1559
    {"withdrawalsRoot", Form::kData},        // Shanghai, EIP-4895
    {"blobGasUsed", Form::kInteger},         // Cancun, EIP-4844
    {"excessBlobGas", Form::kInteger},       // Cancun, EIP-4844
    {"parentBeaconBlockRoot", Form::kData},  // Cancun, EIP-4788
    {"requestsHash", Form::kData},           // Prague, EIP-7685
};

absl::Status AppendField(const Json& block, const HeaderField& field, RlpList& list) {
  if (field.form == Form::kData) {
    ASSIGN_OR_RETURN(const Bytes data, DataField(block, field.key));
    list.String(data);
  } else {
    ASSIGN_OR_RETURN(const absl::uint128 value, QuantityField(block, field.key));
    list.Integer(value);
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<BlockHeader> BlockHeaderFromJson(const Json& block) {
  RlpList list;
  for (const HeaderField& field : kFields) RETURN_IF_ERROR(AppendField(block, field, list));
  for (const HeaderField& field : kForkFields) {
    if (!HasField(block, field.key)) break;
    RETURN_IF_ERROR(AppendField(block, field, list));
  }
  BlockHeader header;
  ASSIGN_OR_RETURN(header.hash, FixedField<Digest>(block, "hash"));
  ASSIGN_OR_RETURN(header.parent_hash, FixedField<Digest>(block, "parentHash"));
  ASSIGN_OR_RETURN(header.number, Uint64Field(block, "number"));
  ASSIGN_OR_RETURN(header.timestamp_s, Uint64Field(block, "timestamp"));
  ASSIGN_OR_RETURN(header.prevrandao, FixedField<Digest>(block, "mixHash"));
  if (HasField(block, "baseFeePerGas")) {
    ASSIGN_OR_RETURN(header.base_fee_wei, QuantityField(block, "baseFeePerGas"));
  }
  header.rlp = list.Encode();
  if (Keccak256(header.rlp) != header.hash) {
    return absl::DataLossError("header of block " + std::to_string(header.number) +
                               " does not hash to " + header.hash.hex() +
                               ": a false node, or a header field newer than this program");
  }
  return header;
}

}  // namespace tessera::chain
