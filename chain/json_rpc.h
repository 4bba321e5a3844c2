// JSON-RPC 2.0 over HTTP(S) to Ethereum nodes that may be slow, broken or hostile.
// https://ethereum.github.io/execution-apis
#pragma once

#include <atomic>
#include <memory>
#include <nlohmann/json_fwd.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/statusor.h"
#include "chain/revert.h"

namespace tessera::chain {

struct JsonRpcOptions {
  // Tried in order, starting with the one that answered last. "http://" or "https://" only; the
  // path and query (where providers put keys) never appear in messages.
  std::vector<std::string> urls = {};
  int64_t timeout_ms = 10'000;  // Of one request to one URL, connecting included.
  int64_t connect_timeout_ms = 3'000;
  size_t response_bytes_max = size_t{16} << 20;
  // Custom errors of the contracts in use, to name them in messages; see RevertDecoder.
  std::vector<std::string> error_signatures = {};
};

// A client of one chain through one or more nodes. Thread-safe: concurrent calls run on separate
// connections, which are kept and reused, and no lock is held while one waits.
//
// Codes of a failed call:
//   Unavailable         no URL gave a well-formed answer: connection, timeout, HTTP status, not
//   JSON, wrong
//                       id, rate limit; the message names each host and its failure. Safe to retry.
//   ResourceExhausted   the last answer was longer than response_bytes_max.
//   FailedPrecondition  the contract reverted (RevertDataOf gives the data) or the node refused.
//   AlreadyExists       the node already holds this transaction.
//   Aborted             the nonce is too low: another transaction took it.
//   OutOfRange          the fees are too low to enter the pool or to replace a transaction.
//   InvalidArgument, Unimplemented   the node does not accept the parameters or know the method.
class JsonRpc {
 public:
  explicit JsonRpc(JsonRpcOptions options);
  ~JsonRpc();
  JsonRpc(const JsonRpc&) = delete;
  JsonRpc& operator=(const JsonRpc&) = delete;

  // The "result" of one call. `params` is a JSON array.
  absl::StatusOr<nlohmann::json> Call(std::string_view method, const nlohmann::json& params);

  // Starts later calls with the next URL: for callers that find an answer well-formed but false.
  void PreferNextUrl();

  const RevertDecoder& revert_decoder() const { return revert_decoder_; }

 private:
  class Connections;

  absl::StatusOr<nlohmann::json> CallUrl(const std::string& url, uint64_t id,
                                         const std::string& request);

  const JsonRpcOptions options_;
  const RevertDecoder revert_decoder_;
  const std::unique_ptr<Connections> connections_;
  std::atomic<uint64_t> next_id_{1};
  std::atomic<size_t> preferred_url_{0};
};

}  // namespace tessera::chain
