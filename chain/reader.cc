#include "chain/reader.h"

#include <algorithm>

#include "base/status_macros.h"
#include "chain/json_fields.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

Json JsonOf(const BlockId& id) { return Json::parse(id.json()); }

// Passes `value` on; a malformed one makes `rpc` ask another node next time.
template <class T>
absl::StatusOr<T> Judged(absl::StatusOr<T> value, JsonRpc& rpc) {
  if (absl::IsUnavailable(value.status()) || absl::IsDataLoss(value.status())) rpc.PreferNextUrl();
  return value;
}

absl::StatusOr<BlockSummary> SummaryFromJson(const Json& block) {
  BlockSummary summary;
  ASSIGN_OR_RETURN(summary.number, Uint64Field(block, "number"));
  ASSIGN_OR_RETURN(summary.hash, FixedField<Digest>(block, "hash"));
  ASSIGN_OR_RETURN(summary.timestamp_s, Uint64Field(block, "timestamp"));
  ASSIGN_OR_RETURN(summary.base_fee_wei, QuantityField(block, "baseFeePerGas"));
  return summary;
}

Json FilterToJson(const LogFilter& filter, uint64_t from_block, uint64_t to_block) {
  Json json = {{"fromBlock", ToQuantity(from_block)}, {"toBlock", ToQuantity(to_block)}};
  for (const Address& address : filter.addresses) json["address"].push_back(address.hex());
  if (filter.topics.empty()) return json;
  Json topics = Json::array();
  for (const std::vector<Digest>& choices : filter.topics) {
    Json position = nullptr;
    for (const Digest& choice : choices) position.push_back(choice.hex());
    topics.push_back(std::move(position));
  }
  json["topics"] = std::move(topics);
  return json;
}

bool Matches(const Log& log, const LogFilter& filter, uint64_t from_block, uint64_t to_block) {
  if (log.block_number < from_block || log.block_number > to_block) return false;
  const auto contains = [](const auto& list, const auto& value) {
    return list.empty() || std::find(list.begin(), list.end(), value) != list.end();
  };
  if (!contains(filter.addresses, log.address)) return false;
  if (log.topics.size() < filter.topics.size()) return false;
  for (size_t i = 0; i < filter.topics.size(); ++i) {
    if (!contains(filter.topics[i], log.topics[i])) return false;
  }
  return true;
}

// Appends the matching logs of one range to `logs`.
absl::Status AppendLogs(const Json& answer, const LogFilter& filter, uint64_t from_block,
                        uint64_t to_block, std::vector<Log>& logs) {
  if (!answer.is_array()) return absl::UnavailableError("node's logs are not an array");
  if (answer.size() > kLogsMax - logs.size()) {
    return absl::ResourceExhaustedError("more than " + std::to_string(kLogsMax) + " logs");
  }
  for (const Json& item : answer) {
    ASSIGN_OR_RETURN(Log log, LogFromJson(item));
    if (!Matches(log, filter, from_block, to_block)) {
      return absl::UnavailableError("node's log in transaction " + log.tx_hash.hex() +
                                    " does not match the filter");
    }
    logs.push_back(std::move(log));
  }
  return absl::OkStatus();
}

// The block object, or NotFound for null.
absl::StatusOr<Json> FetchBlock(JsonRpc& rpc, const BlockId& id) {
  const Json key = JsonOf(id);
  absl::StatusOr<Json> block = key.is_object()
                                   ? rpc.Call("eth_getBlockByHash", {key["blockHash"], false})
                                   : rpc.Call("eth_getBlockByNumber", {key, false});
  if (block.ok() && block->is_null()) return absl::NotFoundError("no block " + id.json());
  return block;
}

}  // namespace

BlockId BlockId::Number(uint64_t number) { return BlockId(ToQuantity(number)); }

BlockId BlockId::Hash(const Digest& hash) {
  BlockId id = Latest();
  id.json_ = R"({"blockHash":")" + hash.hex() + R"(","requireCanonical":true})";
  return id;
}

absl::StatusOr<uint64_t> Reader::ChainId() const {
  ASSIGN_OR_RETURN(const Json id, rpc_.Call("eth_chainId", Json::array()));
  return Judged(Uint64Of(id, "chain id"), rpc_);
}

absl::StatusOr<Bytes> Reader::Call(const Address& to, ByteView call_data, const BlockId& at) const {
  const Json call = {{"to", to.hex()}, {"data", ToHex(call_data)}};
  ASSIGN_OR_RETURN(const Json value, rpc_.Call("eth_call", {call, JsonOf(at)}));
  return Judged(DataOf(value, "return value"), rpc_);
}

absl::StatusOr<absl::uint128> Reader::BalanceWei(const Address& account, const BlockId& at) const {
  ASSIGN_OR_RETURN(const Json value, rpc_.Call("eth_getBalance", {account.hex(), JsonOf(at)}));
  return Judged(QuantityOf(value, "balance"), rpc_);
}

absl::StatusOr<uint64_t> Reader::TransactionCount(const Address& account, const BlockId& at) const {
  ASSIGN_OR_RETURN(const Json value,
                   rpc_.Call("eth_getTransactionCount", {account.hex(), JsonOf(at)}));
  return Judged(Uint64Of(value, "transaction count"), rpc_);
}

absl::StatusOr<Bytes> Reader::Code(const Address& contract, const BlockId& at) const {
  ASSIGN_OR_RETURN(const Json value, rpc_.Call("eth_getCode", {contract.hex(), JsonOf(at)}));
  return Judged(DataOf(value, "code"), rpc_);
}

absl::StatusOr<BlockSummary> Reader::Block(const BlockId& id) const {
  ASSIGN_OR_RETURN(const Json block, FetchBlock(rpc_, id));
  return Judged(SummaryFromJson(block), rpc_);
}

absl::StatusOr<BlockHeader> Reader::Header(const BlockId& id) const {
  ASSIGN_OR_RETURN(const Json block, FetchBlock(rpc_, id));
  return Judged(BlockHeaderFromJson(block), rpc_);
}

absl::StatusOr<BlockSummary> Reader::ConfirmedBlock(uint64_t confirmations) const {
  ASSIGN_OR_RETURN(const BlockSummary head, Block(BlockId::Latest()));
  if (confirmations <= 1) return head;
  const uint64_t depth = std::min(confirmations - 1, head.number);
  return Block(BlockId::Number(head.number - depth));
}

absl::StatusOr<std::vector<Log>> Reader::Logs(const LogFilter& filter) const {
  if (filter.from_block > filter.to_block) {
    return absl::InvalidArgumentError("logs: from_block is after to_block");
  }
  std::vector<Log> logs;
  uint64_t from = filter.from_block;
  while (true) {
    const uint64_t to = from + std::min(kLogBlocksPerCall - 1, filter.to_block - from);
    ASSIGN_OR_RETURN(const Json answer,
                     rpc_.Call("eth_getLogs", Json::array({FilterToJson(filter, from, to)})));
    const absl::Status appended = AppendLogs(answer, filter, from, to, logs);
    if (absl::IsUnavailable(appended)) rpc_.PreferNextUrl();
    RETURN_IF_ERROR(appended);
    if (to == filter.to_block) return logs;
    from = to + 1;
  }
}

absl::StatusOr<std::optional<Receipt>> Reader::TransactionReceipt(const Digest& tx_hash) const {
  ASSIGN_OR_RETURN(const Json json,
                   rpc_.Call("eth_getTransactionReceipt", Json::array({tx_hash.hex()})));
  if (json.is_null()) return std::nullopt;
  absl::StatusOr<Receipt> receipt = Judged(ReceiptFromJson(json), rpc_);
  if (!receipt.ok()) return receipt.status();
  if (receipt->tx_hash != tx_hash) {
    rpc_.PreferNextUrl();
    return absl::UnavailableError("node's receipt is for another transaction");
  }
  return *std::move(receipt);
}

}  // namespace tessera::chain
