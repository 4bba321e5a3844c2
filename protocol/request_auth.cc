#include "protocol/request_auth.h"

#include <algorithm>
#include <cassert>
#include <limits>

#include "base/status_macros.h"

namespace tessera {
namespace {

constexpr size_t kMethodBytesMax = std::numeric_limits<uint16_t>::max();

// Compares without arithmetic on the stamp, which may hold any number.
absl::Status CheckClock(int64_t time_ms, int64_t now_ms) {
  if (time_ms < now_ms - kRequestClockSkewMsMax || time_ms > now_ms + kRequestClockSkewMsMax) {
    return absl::UnauthenticatedError("request stamped " + std::to_string(time_ms) +
                                      " ms, more than a minute from the server's clock of " +
                                      std::to_string(now_ms) + " ms");
  }
  return absl::OkStatus();
}

}  // namespace

Bytes RequestMessage(std::string_view method, const Digest& body_digest, int64_t time_ms,
                     const RequestNonce& nonce) {
  assert(method.size() <= kMethodBytesMax);
  ByteWriter writer;
  writer.Tag("tessera/v1/request").Be(static_cast<uint16_t>(method.size())).Raw(AsBytes(method));
  writer.Raw(body_digest.view()).Be(static_cast<uint64_t>(time_ms)).Raw(nonce.view());
  return std::move(writer).Take();
}

RequestStamp SignRequest(const Ed25519Key& key, std::string_view method, const Digest& body_digest,
                         int64_t time_ms, const RequestNonce& nonce) {
  return {key.public_key(), time_ms, nonce,
          key.Sign(RequestMessage(method, body_digest, time_ms, nonce))};
}

absl::Status RequestVerifier::Verify(std::string_view method, const Digest& body_digest,
                                     const RequestStamp& stamp, int64_t now_ms) {
  RETURN_IF_ERROR(CheckClock(stamp.time_ms, now_ms));
  if (method.size() > kMethodBytesMax) {
    return absl::UnauthenticatedError("request with a method of " + std::to_string(method.size()) +
                                      " bytes");
  }
  const Bytes message = RequestMessage(method, body_digest, stamp.time_ms, stamp.nonce);
  if (!VerifyEd25519(stamp.key, message, stamp.signature)) {
    return absl::UnauthenticatedError("signature of key " + stamp.key.short_hex() +
                                      " does not fit the request");
  }
  return Remember({stamp.key, stamp.nonce}, stamp.time_ms, now_ms);
}

absl::Status RequestVerifier::Remember(const Seen& seen, int64_t time_ms, int64_t now_ms) {
  std::lock_guard lock(mutex_);
  // Nonces are forgotten by the stamp's time, and the time below which they are forgotten never
  // falls: a server clock that is set back opens no door for replays.
  known_from_ms_ = std::max(known_from_ms_, now_ms - kRequestClockSkewMsMax);
  if (time_ms < known_from_ms_) {
    return absl::UnauthenticatedError("request stamped " + std::to_string(time_ms) +
                                      " ms, before replays are known from " +
                                      std::to_string(known_from_ms_) + " ms");
  }
  // In order of arrival, which differs from the order of stamps by the permitted skew: some stay a
  // little longer.
  while (!by_arrival_.empty() && by_arrival_.front().first < known_from_ms_) {
    seen_.erase(by_arrival_.front().second);
    by_arrival_.pop_front();
  }
  if (seen_.contains(seen)) {
    return absl::AlreadyExistsError("request of key " + seen.first.short_hex() +
                                    " was sent before");
  }
  if (seen_.size() >= nonces_max_) {
    return absl::ResourceExhaustedError("more than " + std::to_string(nonces_max_) +
                                        " requests in two minutes");
  }
  seen_.insert(seen);
  by_arrival_.emplace_back(time_ms, seen);
  return absl::OkStatus();
}

}  // namespace tessera
