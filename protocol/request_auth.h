// Signed requests: what is signed, and the memory that refuses replays. docs/protocol.md, "Signed requests".
#pragma once

#include <deque>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "base/ed25519.h"

namespace tessera {

using RequestNonce = FixedBytes<struct RequestNonceTag, 16>;

inline constexpr int64_t kRequestClockSkewMsMax = 60'000;
inline constexpr size_t kRequestNoncesMax = 1 << 20;

struct RequestStamp {
  Ed25519PublicKey key;
  int64_t time_ms = 0;
  RequestNonce nonce;
  Ed25519Signature signature;
};

// The bytes under the signature; `body_digest` is SHA-256 of the request's deterministic serialisation.
Bytes RequestMessage(std::string_view method, const Digest& body_digest, int64_t time_ms,
                     const RequestNonce& nonce);

RequestStamp SignRequest(const Ed25519Key& key, std::string_view method, const Digest& body_digest,
                         int64_t time_ms, const RequestNonce& nonce);

// Checks stamps and remembers nonces for as long as their time would be accepted. Thread-safe.
class RequestVerifier {
 public:
  // Refuses stamps older than `start_ms`, because nonces seen before the start are not known.
  explicit RequestVerifier(int64_t start_ms, size_t nonces_max = kRequestNoncesMax)
      : nonces_max_(nonces_max), known_from_ms_(start_ms) {}

  // Unauthenticated: bad signature, clock more than a minute away, stamped before the start. AlreadyExists: replay.
  // ResourceExhausted: `nonces_max` live nonces already.
  absl::Status Verify(std::string_view method, const Digest& body_digest, const RequestStamp& stamp,
                      int64_t now_ms);

 private:
  using Seen = std::pair<Ed25519PublicKey, RequestNonce>;
  absl::Status Remember(const Seen& seen, int64_t time_ms, int64_t now_ms);

  const size_t nonces_max_;
  std::mutex mutex_;
  int64_t known_from_ms_;           // Guarded by mutex_. Every accepted stamp since is in seen_.
  absl::flat_hash_set<Seen> seen_;  // Guarded by mutex_.
  std::deque<std::pair<int64_t, Seen>>
      by_arrival_;  // Guarded by mutex_. Stamp's time; the keys of seen_.
};

}  // namespace tessera
