#include "protocol/request_auth.h"

#include <gtest/gtest.h>

#include <atomic>
#include <limits>
#include <thread>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using absl::StatusCode;
using golden::Json;

constexpr std::string_view kMethod = "/tessera.v1.WorkerService/Commit";
constexpr int64_t kStartMs = 1'790'000'000'000;
constexpr int64_t kSkewMs = kRequestClockSkewMsMax;

// Signs as one worker; every request has a nonce of its own unless told otherwise.
class RequestAuth : public testing::Test {
 protected:
  RequestStamp Stamp(int64_t time_ms, uint64_t nonce) const {
    return SignRequest(key_, kMethod, body_, time_ms, Numbered<RequestNonce>(nonce));
  }
  StatusCode Verify(const RequestStamp& stamp, int64_t now_ms) {
    return verifier_.Verify(kMethod, body_, stamp, now_ms).code();
  }

  const Ed25519Key key_{Numbered<Ed25519Seed>(7)};
  const Digest body_ = Numbered<Digest>(8);
  RequestVerifier verifier_{kStartMs};
};

TEST_F(RequestAuth, SignsTheGoldenMessage) {
  const Json golden_case = golden::LoadSection("protocol.json", "messages")["request"];
  EXPECT_EQ(RequestMessage(golden_case["method"].get<std::string>(),
                           golden::Hex<Digest>(golden_case["bodyDigest"]),
                           golden_case["timeMs"].get<int64_t>(),
                           golden::Hex<RequestNonce>(golden_case["nonce"])),
            golden::HexBytes(golden_case["message"]));
}

TEST_F(RequestAuth, AcceptsAFreshRequestOnce) {
  const RequestStamp stamp = Stamp(kStartMs + 5, 1);
  EXPECT_EQ(Verify(stamp, kStartMs + 5), StatusCode::kOk);
  EXPECT_EQ(Verify(stamp, kStartMs + 5), StatusCode::kAlreadyExists);
  EXPECT_EQ(Verify(stamp, kStartMs + 50'000), StatusCode::kAlreadyExists);
}

TEST_F(RequestAuth, SameNonceWithAnotherTimeIsAReplay) {
  EXPECT_EQ(Verify(Stamp(kStartMs, 1), kStartMs), StatusCode::kOk);
  EXPECT_EQ(Verify(Stamp(kStartMs + 1, 1), kStartMs), StatusCode::kAlreadyExists);
}

TEST_F(RequestAuth, SameNonceOfAnotherKeyIsNotAReplay) {
  EXPECT_EQ(Verify(Stamp(kStartMs, 1), kStartMs), StatusCode::kOk);
  const Ed25519Key other(Numbered<Ed25519Seed>(9));
  const RequestStamp stamp =
      SignRequest(other, kMethod, body_, kStartMs, Numbered<RequestNonce>(1));
  EXPECT_EQ(Verify(stamp, kStartMs), StatusCode::kOk);
}

TEST_F(RequestAuth, AcceptsSixtySecondsOfSkewOnBothSidesAndNoMore) {
  const int64_t now_ms = kStartMs + 1'000'000;
  EXPECT_EQ(Verify(Stamp(now_ms - kSkewMs, 1), now_ms), StatusCode::kOk);
  EXPECT_EQ(Verify(Stamp(now_ms + kSkewMs, 2), now_ms), StatusCode::kOk);
  EXPECT_EQ(Verify(Stamp(now_ms - kSkewMs - 1, 3), now_ms), StatusCode::kUnauthenticated);
  EXPECT_EQ(Verify(Stamp(now_ms + kSkewMs + 1, 4), now_ms), StatusCode::kUnauthenticated);
  for (int64_t time_ms : {std::numeric_limits<int64_t>::min(), int64_t{-1}, int64_t{0},
                          std::numeric_limits<int64_t>::max()}) {
    EXPECT_EQ(Verify(Stamp(time_ms, 5), now_ms), StatusCode::kUnauthenticated) << time_ms;
  }
}

TEST_F(RequestAuth, RefusesWhatWasStampedBeforeTheStart) {
  EXPECT_EQ(Verify(Stamp(kStartMs - 1, 1), kStartMs + 10), StatusCode::kUnauthenticated);
  EXPECT_EQ(Verify(Stamp(kStartMs, 2), kStartMs + 10), StatusCode::kOk);
}

TEST_F(RequestAuth, TheSignatureCoversEverything) {
  const RequestStamp good = Stamp(kStartMs, 1);
  const auto refused = [&](std::string_view method, const Digest& body, RequestStamp stamp) {
    return verifier_.Verify(method, body, stamp, kStartMs).code() == StatusCode::kUnauthenticated;
  };
  EXPECT_TRUE(refused("/tessera.v1.WorkerService/Reveal", body_, good));
  EXPECT_TRUE(refused("", body_, good));
  EXPECT_TRUE(refused(std::string(70'000, 'm'), body_, good));
  EXPECT_TRUE(refused(kMethod, Digest(), good));
  RequestStamp changed = good;
  changed.key = Ed25519Key(Numbered<Ed25519Seed>(9)).public_key();
  EXPECT_TRUE(refused(kMethod, body_, changed));
  changed = good;
  changed.time_ms += 1;
  EXPECT_TRUE(refused(kMethod, body_, changed));
  changed = good;
  changed.nonce = Numbered<RequestNonce>(2);
  EXPECT_TRUE(refused(kMethod, body_, changed));
  changed = good;
  changed.signature.data()[0] ^= 1;
  EXPECT_TRUE(refused(kMethod, body_, changed));
  // Nothing of the above used up the nonce.
  EXPECT_EQ(Verify(good, kStartMs), StatusCode::kOk);
}

TEST_F(RequestAuth, RefusesReplaysForAsLongAsTheirTimeIsAccepted) {
  const int64_t time_ms = kStartMs + 1'000'000;
  const RequestStamp stamp = Stamp(time_ms, 1);
  EXPECT_EQ(Verify(stamp, time_ms - kSkewMs), StatusCode::kOk);
  for (int64_t now_ms = time_ms - kSkewMs; now_ms <= time_ms + kSkewMs; now_ms += 1'000) {
    EXPECT_EQ(Verify(stamp, now_ms), StatusCode::kAlreadyExists) << now_ms;
  }
  EXPECT_EQ(Verify(stamp, time_ms + kSkewMs + 1), StatusCode::kUnauthenticated);
}

TEST_F(RequestAuth, AClockSetBackOpensNoDoorForReplays) {
  const RequestStamp stamp = Stamp(kStartMs + 100, 1);
  EXPECT_EQ(Verify(stamp, kStartMs + 100), StatusCode::kOk);
  const int64_t later_ms = kStartMs + 10 * kSkewMs;
  EXPECT_EQ(Verify(Stamp(later_ms, 2), later_ms), StatusCode::kOk);  // Forgets the first nonce.
  EXPECT_EQ(Verify(stamp, kStartMs + 100), StatusCode::kUnauthenticated);
}

TEST_F(RequestAuth, HoldsABoundedNumberOfNoncesAndFreesThemWithTime) {
  RequestVerifier verifier(kStartMs, 3);
  const auto verify = [&](int64_t time_ms, uint64_t nonce, int64_t now_ms) {
    return verifier.Verify(kMethod, body_, Stamp(time_ms, nonce), now_ms).code();
  };
  for (uint64_t nonce = 0; nonce < 3; ++nonce) {
    EXPECT_EQ(verify(kStartMs + 10 * static_cast<int64_t>(nonce), nonce, kStartMs),
              StatusCode::kOk);
  }
  EXPECT_EQ(verify(kStartMs, 3, kStartMs), StatusCode::kResourceExhausted);
  EXPECT_EQ(verify(kStartMs, 0, kStartMs), StatusCode::kAlreadyExists) << "known even when full";
  const int64_t first_gone_ms = kStartMs + kSkewMs + 1;
  EXPECT_EQ(verify(first_gone_ms, 3, first_gone_ms), StatusCode::kOk);
  EXPECT_EQ(verify(first_gone_ms, 4, first_gone_ms), StatusCode::kResourceExhausted);
}

TEST_F(RequestAuth, OneOfManyThreadsGetsARequestThrough) {
  constexpr int kThreads = 4;
  constexpr uint64_t kRequests = 50;
  std::vector<RequestStamp> stamps;
  for (uint64_t i = 0; i < kRequests; ++i) stamps.push_back(Stamp(kStartMs, i));
  std::atomic<uint64_t> accepted{0};
  std::atomic<uint64_t> replayed{0};
  std::vector<std::thread> threads;
  for (int t = 0; t < kThreads; ++t) {
    threads.emplace_back([&] {
      for (const RequestStamp& stamp : stamps) {
        const StatusCode code = Verify(stamp, kStartMs);
        accepted += code == StatusCode::kOk;
        replayed += code == StatusCode::kAlreadyExists;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(accepted, kRequests);
  EXPECT_EQ(replayed, kRequests * (kThreads - 1));
}

}  // namespace
}  // namespace tessera
