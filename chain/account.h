// Sends an account's transactions and sees them through to a receipt that will stay.
#pragma once

#include <map>
#include <memory>
#include <optional>
#include <vector>

#include "absl/status/statusor.h"
#include "base/clock.h"
#include "base/secp256k1.h"
#include "chain/fee_policy.h"
#include "chain/json_rpc.h"
#include "chain/reader.h"
#include "chain/receipt.h"
#include "chain/transaction.h"

namespace tessera::chain {

struct AccountOptions {
  FeePolicy fees = {};
  // Blocks from the one that holds the transaction to the head; 1 is satisfied by being mined.
  uint64_t confirmations = 1;
  int64_t poll_interval_ms = 100;  // Between two looks of Await.
  int64_t bump_after_ms = 30'000;  // Without being mined, before each replacement with higher fees.
  int64_t deadline_ms = 300'000;   // Of Send.
};

// One thing to do on the chain.
struct Action {
  // Absent: deploys the contract whose creation data is `data`.
  std::optional<Address> to = std::nullopt;
  Bytes data = {};              // CallData(...).Encode() or CreationData(...).Encode().
  absl::uint128 value_wei = 0;  // Native coin to send along.
};

// Names a submitted action within one Account.
struct Ticket {
  uint64_t id = 0;
  friend auto operator<=>(const Ticket&, const Ticket&) = default;
};

// The most actions of one account that may be under way: half of what geth's pool accepts.
inline constexpr size_t kUnderWayMax = 32;

// Not thread-safe: one owner thread. Accounts in different threads may share one JsonRpc. Nothing
// is persistent: after a restart, actions under way are unknown, so what they call must be
// idempotent.
//
// An action is signed for the account's next nonce and followed until one of its transactions has
// the wanted confirmations in the canonical chain:
//   - not mined for bump_after_ms, or dropped by the pool: replaced under the same nonce with
//     higher fees; at the ceiling, broadcast again;
//   - mined in a block that a reorganisation removed: broadcast again;
//   - the nonce was taken by a transaction that this object did not send: signed anew under a fresh
//     nonce, once the other is confirmed. The action runs at most once unless a reorganisation
//     deeper than `confirmations` removes the other.
// Broadcasting is idempotent, so an unreachable node only delays an action. Two programs with one
// key that take the same action under the same nonce sign one transaction, which counts for both.
class Account {
 public:
  // Asks for the chain id, which binds every signature. `rpc` and `clock` must outlive the account.
  // Errors: see JsonRpc.
  static absl::StatusOr<std::unique_ptr<Account>> Open(JsonRpc& rpc, const Secp256k1Key& key,
                                                       const Clock& clock, AccountOptions options);

  const Address& address() const { return key_.address(); }
  uint64_t chain_id() const { return chain_id_; }

  // Submit, then Await for options.deadline_ms; an action that missed the deadline is abandoned.
  absl::StatusOr<Receipt> Send(const Action& action);

  // Estimates gas, signs and broadcasts. Several may be under way; they are mined in this order.
  // FailedPrecondition, with the decoded reason, if the call would revert or the account cannot
  // pay: nothing was sent. ResourceExhausted if the fee ceiling is too low for the current base
  // fee, the call needs too much gas, or kUnderWayMax are under way. Unavailable if the node did
  // not answer before signing.
  absl::StatusOr<Ticket> Submit(const Action& action);

  // One look at `ticket` and at all actions under way before it; takes whatever step they need now.
  // For event loops: blocks only for the node's answers. Nothing while under way. Final answers:
  // the receipt, or FailedPrecondition with the decoded reason if the transaction reverted; the
  // ticket is then forgotten and later NotFound. Unavailable: something was in the way (the node,
  // the fee ceiling); ask again.
  absl::StatusOr<std::optional<Receipt>> Poll(Ticket ticket);

  // Polls until a final answer. DeadlineExceeded after `timeout_ms`, naming the last obstacle; the
  // action stays under way.
  absl::StatusOr<Receipt> Await(Ticket ticket, int64_t timeout_ms);

  // Says that nobody will ask for the answer. The action goes on: polls of later tickets see it
  // through and then forget it.
  void Abandon(Ticket ticket);

  size_t under_way() const { return under_way_.size(); }

 private:
  // An action with every transaction ever signed for it under its current nonce.
  struct UnderWay {
    Action action;
    uint64_t nonce = 0;
    uint64_t gas_limit = 0;
    GasFees fees;
    std::vector<SignedTransaction> variants;  // Oldest first; any of them may get mined.
    int64_t last_offered_ms = 0;  // When it was last signed or offered again at the ceiling.
    int displaced_sightings = 0;
    bool was_mined = false;  // In some block, at the last look.
    bool needs_broadcast = false;
    bool is_abandoned = false;
    absl::Status obstacle;  // What went wrong last, for messages.
    std::optional<absl::StatusOr<Receipt>> final_answer;
  };

  Account(JsonRpc& rpc, const Secp256k1Key& key, const Clock& clock, const AccountOptions& options,
          uint64_t chain_id);

  absl::StatusOr<uint64_t> EstimateGas(const Action& action) const;
  absl::StatusOr<uint64_t> NextNonce() const;
  // Signs the next variant with item.fees.
  void Sign(UnderWay& item);
  // OK if some node holds the newest variant, or may hold it.
  absl::Status Broadcast(UnderWay& item);

  void ForgetAbandoned();

  // The steps of Poll for one action.
  absl::Status Advance(UnderWay& item);
  absl::StatusOr<std::optional<Receipt>> FindReceipt(const UnderWay& item) const;
  absl::Status Settle(UnderWay& item, const Receipt& receipt);
  absl::Status ResignIfDisplaced(UnderWay& item, uint64_t confirmed_nonce);
  absl::Status BumpIfStuck(UnderWay& item);
  absl::Status WhyReverted(const UnderWay& item, const Receipt& receipt) const;

  const Reader reader_;
  const Secp256k1Key key_;
  const Clock& clock_;
  const AccountOptions options_;
  const uint64_t chain_id_;
  std::map<Ticket, UnderWay> under_way_;
  uint64_t next_ticket_ = 1;
};

}  // namespace tessera::chain
