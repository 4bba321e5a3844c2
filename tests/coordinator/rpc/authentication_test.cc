// Who may speak: stamps, replays and clocks, before any content is looked at.
#include "proto/convert/convert.h"
#include "proto/transport/request_metadata.h"
#include "tests/coordinator/rpc/test_worker.h"

namespace tessera::coordinator {
namespace {

class Authentication : public testing::Test {
 protected:
  Authentication() {
    world_.Launch(job_);
    const absl::Status joined = ann_.Join();
    EXPECT_TRUE(joined.ok()) << joined;
    request_.set_job(FieldBytes(job_.id));
    request_.set_activity("training");
  }
  absl::Status Send(grpc::ClientContext& context) {
    context.set_deadline(std::chrono::system_clock::now() + kPatience);
    v1::HeartbeatResponse response;
    return FromGrpcStatus(context, world_.workers()->Heartbeat(&context, request_, &response));
  }
  absl::Status SendStampedAt(int64_t now_ms) {
    grpc::ClientContext context;
    SignCall(context, ann_.keys().authentication, kPath, request_, now_ms);
    return Send(context);
  }
  static void Attach(grpc::ClientContext& context, const RequestStamp& stamp) {
    context.AddMetadata("tessera-key-bin", FieldBytes(stamp.key));
    context.AddMetadata("tessera-time-ms", std::to_string(stamp.time_ms));
    context.AddMetadata("tessera-nonce-bin", FieldBytes(stamp.nonce));
    context.AddMetadata("tessera-signature-bin", FieldBytes(stamp.signature));
  }
  RequestStamp Stamp(std::string_view path) {
    return SignRequest(ann_.keys().authentication, path, BodyDigest(request_),
                       world_.clock().NowMs(), RequestNonce{});
  }

  static constexpr char kPath[] = "/tessera.v1.WorkerService/Heartbeat";
  const TestJob job_ = MakeTestJob(2);
  CoordinatorWorld world_;
  TestWorker ann_{world_, job_, 1};
  v1::HeartbeatRequest request_;
};

TEST_F(Authentication, RefusesAnUnsignedRequest) {
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated, [&] {
    grpc::ClientContext context;
    return Send(context);
  }());
  EXPECT_TRUE(SendStampedAt(world_.clock().NowMs()).ok());
}

TEST_F(Authentication, RefusesTheSameStampTwice) {
  const RequestStamp stamp = Stamp(kPath);
  grpc::ClientContext first;
  Attach(first, stamp);
  const absl::Status taken = Send(first);
  EXPECT_TRUE(taken.ok()) << taken;
  // A replay may come from anyone who saw the request, so it is not laid at the worker's door.
  EXPECT_REFUSED_UNLOGGED(ann_, kReplay, kUnauthenticated, [&] {
    grpc::ClientContext second;
    Attach(second, stamp);
    return Send(second);
  }());
  EXPECT_TRUE(SendStampedAt(world_.clock().NowMs()).ok());
}

TEST_F(Authentication, RefusesAStampOfAnotherMethodOrBody) {
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated, [&] {
    grpc::ClientContext context;
    Attach(context, Stamp("/tessera.v1.WorkerService/Leave"));
    return Send(context);
  }());
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated, [&] {
    grpc::ClientContext context;
    Attach(context, Stamp(kPath));
    request_.set_activity("something else");
    return Send(context);
  }());
}

TEST_F(Authentication, RefusesAClockMoreThanAMinuteAway) {
  const int64_t now_ms = world_.clock().NowMs();
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated,
                          SendStampedAt(now_ms + kRequestClockSkewMsMax + 10'000));
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated,
                          SendStampedAt(now_ms - kRequestClockSkewMsMax - 10'000));
}

TEST_F(Authentication, RefusesAStampFromBeforeARestart) {
  const int64_t before_ms = world_.clock().NowMs();
  world_.clock().Advance(1'000);
  world_.Restart();
  EXPECT_REFUSED_UNLOGGED(ann_, kSignature, kUnauthenticated, SendStampedAt(before_ms));
  EXPECT_TRUE(SendStampedAt(world_.clock().NowMs()).ok());
}

TEST_F(Authentication, RefusesAKeyThatIsNotRegistered) {
  grpc::ClientContext context;
  SignCall(context, TestKeys(77).authentication, kPath, request_, world_.clock().NowMs());
  const absl::Status refused = Send(context);
  EXPECT_EQ(ReasonOf(refused), RejectReason::kUnknownWorker) << refused;
  EXPECT_EQ(refused.code(), absl::StatusCode::kPermissionDenied);
}

TEST_F(Authentication, ShowsWhatTheWorkerSaysItDoes) {
  ASSERT_TRUE(SendStampedAt(world_.clock().NowMs()).ok());
  EXPECT_EQ(ann_.Status().activity(), "training");
}

TEST_F(Authentication, ShutsDownWhileWorkersWaitForTasks) {
  std::atomic<bool> asked = false;
  std::thread waiting([&] {
    asked = true;
    const auto task = ann_.client().NextTask(job_.id, std::chrono::milliseconds(20'000));
    if (!task.ok()) {
      EXPECT_TRUE(absl::IsUnavailable(task.status()) || absl::IsCancelled(task.status()) ||
                  ReasonOf(task.status()).has_value())
          << task.status();
    }
  });
  while (!asked) std::this_thread::yield();
  const auto begin = std::chrono::steady_clock::now();
  world_.Stop();
  waiting.join();
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

}  // namespace
}  // namespace tessera::coordinator
