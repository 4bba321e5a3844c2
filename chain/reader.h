// Questions to the chain: balances, view functions, events, blocks.
#pragma once

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"
#include "chain/block_header.h"
#include "chain/json_rpc.h"
#include "chain/receipt.h"

namespace tessera::chain {

// Which state a question is about. A block given by hash must still be canonical, else the node
// refuses (EIP-1898): all answers read at one hash belong together.
class BlockId {
 public:
  static BlockId Latest() { return BlockId("latest"); }
  static BlockId Pending() { return BlockId("pending"); }  // Latest and what waits in the pool.
  static BlockId Finalized() { return BlockId("finalized"); }
  static BlockId Number(uint64_t number);
  static BlockId Hash(const Digest& hash);

  // The parameter as JSON text.
  const std::string& json() const { return json_; }

 private:
  explicit BlockId(std::string_view tag) : json_("\"" + std::string(tag) + "\"") {}
  std::string json_;
};

// The few fields of a block that polling needs, as the node claims them; Header proves them
// instead.
struct BlockSummary {
  uint64_t number = 0;
  Digest hash;
  uint64_t timestamp_s = 0;
  absl::uint128 base_fee_wei = 0;
};

struct LogFilter {
  std::vector<Address> addresses = {};  // Any of these contracts; empty: all.
  // Position by position: any of the digests; an empty list matches everything.
  std::vector<std::vector<Digest>> topics = {};
  uint64_t from_block = 0;
  uint64_t to_block = 0;  // Inclusive.
};

// Asks for logs in ranges of this many blocks, which the usual providers accept.
inline constexpr uint64_t kLogBlocksPerCall = 1000;
// Logs that one question may return.
inline constexpr size_t kLogsMax = 100'000;

// Thread-safe, stateless. Every error of JsonRpc passes through; a false or malformed answer is
// Unavailable and moves `rpc` on to its next URL.
class Reader {
 public:
  // `rpc` must outlive the reader.
  explicit Reader(JsonRpc& rpc) : rpc_(rpc) {}

  absl::StatusOr<uint64_t> ChainId() const;

  // The value that a view function returns, for AbiReader; empty if there is no contract at `to`.
  // FailedPrecondition with the decoded reason if it reverts.
  absl::StatusOr<Bytes> Call(const Address& to, ByteView call_data,
                             const BlockId& at = BlockId::Latest()) const;

  absl::StatusOr<absl::uint128> BalanceWei(const Address& account,
                                           const BlockId& at = BlockId::Latest()) const;
  // Transactions that the account has sent = its next nonce.
  absl::StatusOr<uint64_t> TransactionCount(const Address& account,
                                            const BlockId& at = BlockId::Latest()) const;
  absl::StatusOr<Bytes> Code(const Address& contract, const BlockId& at = BlockId::Latest()) const;

  // NotFound if the chain has no such block yet.
  absl::StatusOr<BlockSummary> Block(const BlockId& id) const;
  // The same block with all fields proven by its hash; see BlockHeaderFromJson.
  absl::StatusOr<BlockHeader> Header(const BlockId& id) const;
  // The newest block that has `confirmations` blocks from itself to the head: 1 is the head. The
  // genesis block if the chain is shorter. Read at BlockId::Hash(block.hash) for a stable view.
  absl::StatusOr<BlockSummary> ConfirmedBlock(uint64_t confirmations) const;

  // Events in chain order. InvalidArgument if from_block > to_block; ResourceExhausted above
  // kLogsMax. Logs that do not match the filter are a false answer. An omission cannot be noticed.
  absl::StatusOr<std::vector<Log>> Logs(const LogFilter& filter) const;

  // Nothing while the transaction is not in a block of the node's current chain.
  absl::StatusOr<std::optional<Receipt>> TransactionReceipt(const Digest& tx_hash) const;

  JsonRpc& rpc() const { return rpc_; }

 private:
  JsonRpc& rpc_;
};

}  // namespace tessera::chain
