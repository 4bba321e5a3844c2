#include "chain/account.h"

#include <algorithm>
#include <chrono>
#include <thread>

#include "base/status_macros.h"
#include "chain/json_fields.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

// Looks in a row that must find the nonce taken and no receipt of ours before signing anew: nodes
// index receipts a moment after they announce the block.
constexpr int kDisplacedSightings = 3;

Json CallJson(const Action& action, const Address& from) {
  Json call = {{"from", from.hex()}, {"data", ToHex(action.data)}};
  if (action.to) call["to"] = action.to->hex();
  if (action.value_wei != 0) call["value"] = ToQuantity(action.value_wei);
  return call;
}

// True if trying again later may help, or if the node may hold the transaction in spite of the
// error.
bool MayYetBeMined(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
    case absl::StatusCode::kAlreadyExists:  // The node holds it.
    case absl::StatusCode::kAborted:        // Perhaps it is mined already; Poll finds out.
    case absl::StatusCode::kOutOfRange:     // Perhaps another holds its place; a bump may follow.
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kResourceExhausted:  // The answer was lost, not the request.
      return true;
    default:
      return false;
  }
}

}  // namespace

Account::Account(JsonRpc& rpc, const Secp256k1Key& key, const Clock& clock,
                 const AccountOptions& options, uint64_t chain_id)
    : reader_(rpc), key_(key), clock_(clock), options_(options), chain_id_(chain_id) {}

absl::StatusOr<std::unique_ptr<Account>> Account::Open(JsonRpc& rpc, const Secp256k1Key& key,
                                                       const Clock& clock, AccountOptions options) {
  ASSIGN_OR_RETURN(const uint64_t chain_id, Reader(rpc).ChainId());
  return std::unique_ptr<Account>(new Account(rpc, key, clock, options, chain_id));
}

absl::StatusOr<Receipt> Account::Send(const Action& action) {
  ASSIGN_OR_RETURN(const Ticket ticket, Submit(action));
  absl::StatusOr<Receipt> receipt = Await(ticket, options_.deadline_ms);
  Abandon(ticket);  // Without effect on an action that has its final answer.
  return receipt;
}

absl::StatusOr<Ticket> Account::Submit(const Action& action) {
  if (under_way_.size() >= kUnderWayMax) {
    return absl::ResourceExhaustedError("account " + address().hex() + " has " +
                                        std::to_string(kUnderWayMax) + " actions under way");
  }
  UnderWay item;
  item.action = action;
  ASSIGN_OR_RETURN(const uint64_t estimated, EstimateGas(action));
  ASSIGN_OR_RETURN(item.gas_limit, GasLimitFor(estimated));
  ASSIGN_OR_RETURN(const BlockSummary head, reader_.Block(BlockId::Latest()));
  ASSIGN_OR_RETURN(item.fees, InitialFees(options_.fees, head.base_fee_wei));
  ASSIGN_OR_RETURN(item.nonce, NextNonce());
  Sign(item);
  RETURN_IF_ERROR(Broadcast(item));
  const Ticket ticket{next_ticket_++};
  under_way_.emplace(ticket, std::move(item));
  return ticket;
}

absl::StatusOr<std::optional<Receipt>> Account::Poll(Ticket ticket) {
  const auto asked = under_way_.find(ticket);
  if (asked == under_way_.end() || asked->second.is_abandoned) {
    return absl::NotFoundError("account " + address().hex() + " has no action " +
                               std::to_string(ticket.id) + " under way");
  }
  // An earlier action that is stuck blocks every later nonce.
  for (auto& [id, item] : under_way_) {
    if (item.final_answer || item.nonce > asked->second.nonce) continue;
    item.obstacle = Advance(item);
  }
  ForgetAbandoned();
  if (asked->second.final_answer) {
    absl::StatusOr<Receipt> answer = *std::move(asked->second.final_answer);
    under_way_.erase(asked);
    if (!answer.ok()) return answer.status();
    return *std::move(answer);
  }
  const absl::Status& obstacle = asked->second.obstacle;
  if (!obstacle.ok()) return absl::UnavailableError(obstacle.message());
  return std::nullopt;
}

absl::StatusOr<Receipt> Account::Await(Ticket ticket, int64_t timeout_ms) {
  const int64_t deadline_ms = clock_.NowMs() + timeout_ms;
  absl::Status obstacle;
  while (true) {
    absl::StatusOr<std::optional<Receipt>> look = Poll(ticket);
    if (look.ok() && look->has_value()) return **std::move(look);
    if (!under_way_.contains(ticket)) return look.status();  // Reverted, or never known.
    if (!look.ok()) obstacle = look.status();
    if (clock_.NowMs() >= deadline_ms) break;
    std::this_thread::sleep_for(std::chrono::milliseconds(options_.poll_interval_ms));
  }
  const UnderWay& item = under_way_.at(ticket);
  return absl::DeadlineExceededError(
      "transaction " + item.variants.back().hash.hex() + " (nonce " + std::to_string(item.nonce) +
      " of " + address().hex() + ") was not confirmed in " + std::to_string(timeout_ms) + " ms" +
      (obstacle.ok() ? "" : "; last obstacle: " + std::string(obstacle.message())));
}

void Account::Abandon(Ticket ticket) {
  if (const auto item = under_way_.find(ticket); item != under_way_.end()) {
    item->second.is_abandoned = true;
  }
  ForgetAbandoned();
}

void Account::ForgetAbandoned() {
  std::erase_if(under_way_, [](const auto& entry) {
    return entry.second.is_abandoned && entry.second.final_answer.has_value();
  });
}

absl::StatusOr<uint64_t> Account::EstimateGas(const Action& action) const {
  // "pending", so that an action may depend on those under way before it.
  ASSIGN_OR_RETURN(const Json gas,
                   reader_.rpc().Call("eth_estimateGas", {CallJson(action, address()), "pending"}));
  return Uint64Of(gas, "gas estimate");
}

absl::StatusOr<uint64_t> Account::NextNonce() const {
  ASSIGN_OR_RETURN(uint64_t next, reader_.TransactionCount(address(), BlockId::Pending()));
  for (const auto& [ticket, item] : under_way_) next = std::max(next, item.nonce + 1);
  return next;
}

void Account::Sign(UnderWay& item) {
  item.variants.push_back(SignTransaction({.chain_id = chain_id_,
                                           .nonce = item.nonce,
                                           .fees = item.fees,
                                           .gas_limit = item.gas_limit,
                                           .to = item.action.to,
                                           .value_wei = item.action.value_wei,
                                           .data = item.action.data},
                                          key_));
  item.last_offered_ms = clock_.NowMs();
}

absl::Status Account::Broadcast(UnderWay& item) {
  const absl::Status status =
      reader_.rpc()
          .Call("eth_sendRawTransaction", Json::array({ToHex(item.variants.back().raw)}))
          .status();
  item.needs_broadcast = !status.ok() && !absl::IsAlreadyExists(status);
  if (MayYetBeMined(status)) return absl::OkStatus();
  return status;
}

absl::Status Account::Advance(UnderWay& item) {
  // The nonce first: whatever took it is then visible to the search for a receipt that follows.
  ASSIGN_OR_RETURN(const BlockSummary confirmed, reader_.ConfirmedBlock(options_.confirmations));
  ASSIGN_OR_RETURN(const uint64_t confirmed_nonce,
                   reader_.TransactionCount(address(), BlockId::Number(confirmed.number)));
  ASSIGN_OR_RETURN(const std::optional<Receipt> receipt, FindReceipt(item));
  if (receipt) return Settle(item, *receipt);
  if (item.was_mined) {
    item.was_mined = false;
    item.needs_broadcast = true;
  }
  if (confirmed_nonce > item.nonce) return ResignIfDisplaced(item, confirmed_nonce);
  item.displaced_sightings = 0;
  if (item.needs_broadcast) RETURN_IF_ERROR(Broadcast(item));
  return BumpIfStuck(item);
}

absl::StatusOr<std::optional<Receipt>> Account::FindReceipt(const UnderWay& item) const {
  for (auto variant = item.variants.rbegin(); variant != item.variants.rend(); ++variant) {
    ASSIGN_OR_RETURN(std::optional<Receipt> receipt, reader_.TransactionReceipt(variant->hash));
    if (receipt) return receipt;
  }
  return std::nullopt;
}

// Records the final answer if the receipt's block is deep enough and still canonical.
absl::Status Account::Settle(UnderWay& item, const Receipt& receipt) {
  item.was_mined = true;
  item.displaced_sightings = 0;
  ASSIGN_OR_RETURN(const BlockSummary confirmed, reader_.ConfirmedBlock(options_.confirmations));
  if (receipt.block_number > confirmed.number) return absl::OkStatus();
  ASSIGN_OR_RETURN(const BlockSummary canonical,
                   reader_.Block(BlockId::Number(receipt.block_number)));
  if (canonical.hash != receipt.block_hash) return absl::OkStatus();
  if (receipt.outcome == TxOutcome::kSucceeded) {
    item.final_answer = receipt;
  } else {
    item.final_answer = WhyReverted(item, receipt);
  }
  return absl::OkStatus();
}

absl::Status Account::ResignIfDisplaced(UnderWay& item, uint64_t confirmed_nonce) {
  if (++item.displaced_sightings < kDisplacedSightings) return absl::OkStatus();
  ASSIGN_OR_RETURN(const BlockSummary head, reader_.Block(BlockId::Latest()));
  ASSIGN_OR_RETURN(item.fees, InitialFees(options_.fees, head.base_fee_wei));
  ASSIGN_OR_RETURN(const uint64_t next, NextNonce());
  item.nonce = std::max(next, confirmed_nonce);
  item.variants.clear();
  item.displaced_sightings = 0;
  Sign(item);
  return Broadcast(item);
}

absl::Status Account::BumpIfStuck(UnderWay& item) {
  if (clock_.NowMs() - item.last_offered_ms < options_.bump_after_ms) return absl::OkStatus();
  ASSIGN_OR_RETURN(const BlockSummary head, reader_.Block(BlockId::Latest()));
  const absl::StatusOr<GasFees> bumped = BumpedFees(options_.fees, item.fees, head.base_fee_wei);
  if (!bumped.ok()) {
    item.last_offered_ms = clock_.NowMs();
    RETURN_IF_ERROR(Broadcast(item));  // The pool may have dropped it.
    return bumped.status();
  }
  item.fees = *bumped;
  Sign(item);
  return Broadcast(item);
}

// Runs the call again on the state before its block, and then on the state after it, in case an
// earlier transaction of the same block made it revert.
absl::Status Account::WhyReverted(const UnderWay& item, const Receipt& receipt) const {
  const std::string where = "transaction " + receipt.tx_hash.hex() + " reverted in block " +
                            std::to_string(receipt.block_number);
  for (const uint64_t block : {receipt.block_number - 1, receipt.block_number}) {
    const absl::Status replayed =
        reader_.rpc()
            .Call("eth_call", {CallJson(item.action, address()), ToQuantity(block)})
            .status();
    if (const std::optional<Bytes> data = RevertDataOf(replayed)) {
      return RevertStatus(where + ": " + reader_.rpc().revert_decoder().Describe(*data), *data);
    }
  }
  const bool ran_out = receipt.gas_used == item.gas_limit;
  return RevertStatus(where + (ran_out ? ": out of gas" : ": reason unknown"), {});
}

}  // namespace tessera::chain
