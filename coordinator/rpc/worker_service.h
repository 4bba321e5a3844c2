// What workers call. Stateless: decodes, checks signatures and bytes, and hands events to the driver.
#pragma once

#include "coordinator/rpc/service_context.h"
#include "tessera/v1/worker.grpc.pb.h"

namespace tessera::coordinator {

// Thread-safe; every call may run at once with every other.
class WorkerService final : public v1::WorkerService::Service {
 public:
  explicit WorkerService(ServiceContext services) : services_(std::move(services)) {}

  grpc::Status GetChainInfo(grpc::ServerContext* call, const v1::GetChainInfoRequest* request,
                            v1::GetChainInfoResponse* response) override;
  grpc::Status Register(grpc::ServerContext* call, const v1::RegisterRequest* request,
                        v1::RegisterResponse* response) override;
  grpc::Status NextTask(grpc::ServerContext* call, const v1::NextTaskRequest* request,
                        v1::NextTaskResponse* response) override;
  grpc::Status Heartbeat(grpc::ServerContext* call, const v1::HeartbeatRequest* request,
                         v1::HeartbeatResponse* response) override;
  grpc::Status FetchBlob(grpc::ServerContext* call, const v1::FetchBlobRequest* request,
                         grpc::ServerWriter<v1::FetchBlobResponse>* writer) override;
  grpc::Status Commit(grpc::ServerContext* call, const v1::CommitRequest* request,
                      v1::CommitResponse* response) override;
  grpc::Status Reveal(grpc::ServerContext* call, grpc::ServerReader<v1::RevealRequest>* reader,
                      v1::RevealResponse* response) override;
  grpc::Status OpenState(grpc::ServerContext* call,
                         grpc::ServerReader<v1::OpenStateRequest>* reader,
                         v1::OpenStateResponse* response) override;
  grpc::Status CommitAudit(grpc::ServerContext* call, const v1::CommitAuditRequest* request,
                           v1::CommitAuditResponse* response) override;
  grpc::Status OpenResult(grpc::ServerContext* call,
                          grpc::ServerReader<v1::OpenResultRequest>* reader,
                          v1::OpenResultResponse* response) override;
  grpc::Status DeliverVerdict(grpc::ServerContext* call, const v1::DeliverVerdictRequest* request,
                              v1::DeliverVerdictResponse* response) override;
  grpc::Status Leave(grpc::ServerContext* call, const v1::LeaveRequest* request,
                     v1::LeaveResponse* response) override;

 private:
  struct Sender {
    JobId job;
    WorkerId worker;
  };
  // The registered worker of `job` that signed the request. Reject(kUnknownWorker) if there is none.
  absl::StatusOr<Sender> SenderOf(grpc::ServerContext& call, std::string_view method,
                                  const google::protobuf::Message& body, const std::string& job);
  // Tells the job's log about a submission that the intake refused; returns the refusal.
  absl::Status Refuse(const Sender& sender, RoundId round, const absl::Status& refusal);

  absl::Status DoRegister(grpc::ServerContext& call, const v1::RegisterRequest& request,
                          v1::RegisterResponse& response);
  absl::Status DoNextTask(grpc::ServerContext& call, const v1::NextTaskRequest& request,
                          v1::NextTaskResponse& response);
  absl::Status DoCommit(grpc::ServerContext& call, const v1::CommitRequest& request,
                        v1::CommitResponse& response);
  absl::Status DoReveal(grpc::ServerContext& call, grpc::ServerReader<v1::RevealRequest>& reader);
  absl::Status DoOpenState(grpc::ServerContext& call,
                           grpc::ServerReader<v1::OpenStateRequest>& reader);
  absl::Status DoOpenResult(grpc::ServerContext& call,
                            grpc::ServerReader<v1::OpenResultRequest>& reader);
  absl::Status DoCommitAudit(grpc::ServerContext& call, const v1::CommitAuditRequest& request);
  absl::Status DoDeliverVerdict(grpc::ServerContext& call,
                                const v1::DeliverVerdictRequest& request);

  const ServiceContext services_;
};

}  // namespace tessera::coordinator
