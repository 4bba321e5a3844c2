#include "coordinator/rpc/worker_service.h"

#include <algorithm>
#include <cmath>

#include "coordinator/rpc/display_text.h"
#include "coordinator/rpc/task_messages.h"
#include "coordinator/rpc/update_intake.h"
#include "proto/convert/convert.h"
#include "proto/transport/status.h"
#include "protocol/merkle.h"

namespace tessera::coordinator {
namespace {

constexpr std::chrono::milliseconds kWaitMax{20'000};
// How long a waiting call may outlive its client or the server's shutdown.
constexpr std::chrono::milliseconds kCancelCheckInterval{500};

// The longest state of the job's model: header, parameters, momentum.
uint64_t StateBytesMax(const JobSpec& spec) { return 24 + 8 * ParameterCount(spec.family); }

// What the intake needs of the round that a submission is about.
struct RoundFacts {
  std::shared_ptr<const JobSpec> spec;
  std::optional<Commitment> commitment;
  int64_t committed_ms = 0;
};

absl::StatusOr<RoundFacts> FactsOf(const Job& job, RoundId id, const WorkerId& worker) {
  RoundFacts facts;
  facts.spec = std::make_shared<JobSpec>(job.spec());
  if (id >= job.rounds().size()) return facts;
  const auto& members = job.rounds()[id]->members();
  if (const auto member = members.find(worker); member != members.end()) {
    facts.commitment = member->second.commitment;
    facts.committed_ms = member->second.committed_ms;
  }
  return facts;
}

absl::Status CheckAnnounced(uint64_t bytes, uint64_t bytes_max, std::string_view what) {
  if (bytes == 0 || bytes > bytes_max) {
    return Reject(RejectReason::kLength, std::string(what) + " of " + std::to_string(bytes) +
                                             " bytes, expected 1.." + std::to_string(bytes_max));
  }
  return absl::OkStatus();
}

absl::Status CheckRoot(ByteView blob, const BlobRoot& root, std::string_view what) {
  absl::StatusOr<BlobRoot> actual = ComputeBlobRoot(blob);
  if (!actual.ok() || *actual != root) {
    return Reject(RejectReason::kDigest, std::string(what) + " does not hash to its root");
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<WorkerService::Sender> WorkerService::SenderOf(grpc::ServerContext& call,
                                                              std::string_view method,
                                                              const google::protobuf::Message& body,
                                                              const std::string& job) {
  ASSIGN_OR_RETURN(const JobId job_id, ParseField<JobId>(job, "job"));
  ASSIGN_OR_RETURN(
      const Ed25519PublicKey key,
      Authenticate(services_, call, "/tessera.v1.WorkerService/" + std::string(method), body));
  ASSIGN_OR_RETURN(const WorkerId worker,
                   QueryJob(services_, job_id, [&](const Job& found) -> absl::StatusOr<WorkerId> {
                     for (const auto& [id, entry] : found.roster()) {
                       if (entry.key == key) return id;
                     }
                     return Reject(RejectReason::kUnknownWorker,
                                   "this key is not registered with the job; register first");
                   }));
  services_.presence->Note(worker, services_.clock->NowMs(), "");
  return Sender{job_id, worker};
}

absl::Status WorkerService::Refuse(const Sender& sender, RoundId round,
                                   const absl::Status& refusal) {
  if (const std::optional<RejectReason> reason = ReasonOf(refusal)) {
    SubmissionRejected rejected{sender.worker, round, *reason,
                                std::string(MessageOf(refusal).substr(0, 256))};
    // The refusal is what counts for the caller; a log line that cannot be kept changes nothing.
    (void)services_.driver->Submit(sender.job, std::move(rejected));
  }
  return refusal;
}

grpc::Status WorkerService::GetChainInfo(grpc::ServerContext*, const v1::GetChainInfoRequest*,
                                         v1::GetChainInfoResponse* response) {
  *response->mutable_chain() = ToProto(services_.deployment, services_.account->address());
  response->set_server_time_ms(static_cast<uint64_t>(services_.clock->NowMs()));
  return grpc::Status::OK;
}

grpc::Status WorkerService::Register(grpc::ServerContext* call, const v1::RegisterRequest* request,
                                     v1::RegisterResponse* response) {
  return ToGrpcStatus(*call, DoRegister(*call, *request, *response));
}

absl::Status WorkerService::DoRegister(grpc::ServerContext& call,
                                       const v1::RegisterRequest& request,
                                       v1::RegisterResponse& response) {
  ASSIGN_OR_RETURN(const Ed25519PublicKey key,
                   Authenticate(services_, call, "/tessera.v1.WorkerService/Register", request));
  WorkerRegistered registered;
  registered.key = key;
  ASSIGN_OR_RETURN(registered.worker, ParseField<WorkerId>(request.worker(), "worker"));
  ASSIGN_OR_RETURN(registered.payout, ParseField<Address>(request.payout(), "payout"));
  registered.device = DisplayText(request.device(), kDeviceCharsMax);
  ASSIGN_OR_RETURN(const EcdsaSignature by_account,
                   ParseField<EcdsaSignature>(request.account_signature(), "account_signature"));
  ASSIGN_OR_RETURN(const Ed25519Signature by_key,
                   ParseField<Ed25519Signature>(request.binding_signature(), "binding_signature"));
  const Digest binding = SigningDigest(services_.deployment.signing_domain(),
                                       KeyBinding{key, registered.payout});
  if (absl::Status signed_by = VerifySigner(binding, by_account, registered.worker);
      !signed_by.ok()) {
    return Reject(RejectReason::kSignature, "key binding: " + std::string(MessageOf(signed_by)));
  }
  if (!VerifyEd25519(key, KeyBindingMessage(registered.worker, registered.payout), by_key)) {
    return Reject(RejectReason::kSignature, "key binding: the authentication key did not sign it");
  }
  ASSIGN_OR_RETURN(const Digest fingerprint,
                   ParseField<Digest>(request.engine_fingerprint(), "engine_fingerprint"));

  JobId job_id;
  if (request.job().empty()) {
    RETURN_IF_ERROR(services_.driver->Query([&](const Jobs& jobs) {
      int64_t launched_ms = 0;
      for (const auto& [id, job] : jobs) {
        if (job.phase() != JobPhase::kPreparing && job.phase() != JobPhase::kRunning) continue;
        if (!job_id.is_zero() && job.launched_ms() >= launched_ms) continue;
        job_id = id;
        launched_ms = job.launched_ms();
      }
    }));
    if (job_id.is_zero()) return absl::NotFoundError("no job takes workers now; try again later");
  } else {
    ASSIGN_OR_RETURN(job_id, ParseField<JobId>(request.job(), "job"));
  }
  struct Facts {
    JobSpec spec;
    BlobRoot initial_model_root;
    bool known = false;
  };
  ASSIGN_OR_RETURN(const Facts facts,
                   QueryJob(services_, job_id, [&](const Job& job) -> absl::StatusOr<Facts> {
                     return Facts{job.spec(), job.initial_model_root(),
                                  job.roster().contains(registered.worker)};
                   }));
  registered.engine_class =
      !facts.spec.engine_fingerprint.is_zero() && fingerprint == facts.spec.engine_fingerprint
          ? EngineClass::kPinned
          : EngineClass::kVendor;
  if (!facts.known) {
    ASSIGN_OR_RETURN(const Wei stake, services_.ledger->StakeOf(registered.worker));
    if (stake < facts.spec.stake_min) {
      return Reject(RejectReason::kStake, registered.worker.hex() + " has bonded " +
                                              stake.ToTokenString() + " tokens, the job asks for " +
                                              facts.spec.stake_min.ToTokenString() +
                                              "; `tessera stake bond` adds to it");
    }
  }
  RETURN_IF_ERROR(services_.driver->Submit(job_id, registered));
  services_.presence->Note(registered.worker, services_.clock->NowMs(), "registered");
  ASSIGN_OR_RETURN(const Bytes manifest, services_.blobs->Get(facts.spec.manifest_root, BlobCheck::kRoot));
  response.set_job(FieldBytes(job_id));
  response.set_job_spec(CopyText(EncodeJobSpec(facts.spec)));
  response.set_manifest(CopyText(manifest));
  response.set_engine_class(ToProto(registered.engine_class));
  response.set_initial_model_root(FieldBytes(facts.initial_model_root));
  return absl::OkStatus();
}

grpc::Status WorkerService::NextTask(grpc::ServerContext* call, const v1::NextTaskRequest* request,
                                     v1::NextTaskResponse* response) {
  return ToGrpcStatus(*call, DoNextTask(*call, *request, *response));
}

absl::Status WorkerService::DoNextTask(grpc::ServerContext& call,
                                       const v1::NextTaskRequest& request,
                                       v1::NextTaskResponse& response) {
  ASSIGN_OR_RETURN(const Sender sender, SenderOf(call, "NextTask", request, request.job()));
  using SteadyClock = std::chrono::steady_clock;
  const auto until =
      SteadyClock::now() + std::min(std::chrono::milliseconds(request.wait_ms()), kWaitMax);
  while (true) {
    const uint64_t version = services_.driver->version();
    ASSIGN_OR_RETURN(response, QueryJob(services_, sender.job, [&](const Job& job) {
                       return absl::StatusOr<v1::NextTaskResponse>(
                           TaskMessage(job, sender.worker));
                     }));
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(until - SteadyClock::now());
    if (!response.has_wait() || left.count() <= 0 || call.IsCancelled()) return absl::OkStatus();
    services_.driver->WaitForChange(version, std::min(left, kCancelCheckInterval));
  }
}

grpc::Status WorkerService::Heartbeat(grpc::ServerContext* call,
                                      const v1::HeartbeatRequest* request,
                                      v1::HeartbeatResponse* response) {
  absl::StatusOr<Sender> sender = SenderOf(*call, "Heartbeat", *request, request->job());
  if (!sender.ok()) return ToGrpcStatus(*call, sender.status());
  services_.presence->Note(sender->worker, services_.clock->NowMs(), request->activity());
  const absl::StatusOr<v1::HeartbeatResponse> answer =
      QueryJob(services_, sender->job, [](const Job& job) {
        v1::HeartbeatResponse message;
        if (!job.rounds().empty()) {
          message.set_round(job.rounds().back()->id());
          message.set_phase(ToProto(job.rounds().back()->phase()));
        }
        return absl::StatusOr<v1::HeartbeatResponse>(message);
      });
  if (answer.ok()) *response = *answer;
  return ToGrpcStatus(*call, answer.status());
}

grpc::Status WorkerService::FetchBlob(grpc::ServerContext* call,
                                      const v1::FetchBlobRequest* request,
                                      grpc::ServerWriter<v1::FetchBlobResponse>* writer) {
  absl::StatusOr<Ed25519PublicKey> key =
      Authenticate(services_, *call, "/tessera.v1.WorkerService/FetchBlob", *request);
  if (!key.ok()) return ToGrpcStatus(*call, key.status());
  return StreamBlob(services_, *call, *request, *writer);
}

grpc::Status WorkerService::Commit(grpc::ServerContext* call, const v1::CommitRequest* request,
                                   v1::CommitResponse* response) {
  return ToGrpcStatus(*call, DoCommit(*call, *request, *response));
}

absl::Status WorkerService::DoCommit(grpc::ServerContext& call, const v1::CommitRequest& request,
                                     v1::CommitResponse& response) {
  ASSIGN_OR_RETURN(const Sender sender,
                   SenderOf(call, "Commit", request, request.commitment().job()));
  CommitmentReceived received;
  absl::StatusOr<Commitment> commitment = FromProto(request.commitment());
  if (!commitment.ok()) {
    return Refuse(sender, request.commitment().round(),
                  Reject(RejectReason::kShape, MessageOf(commitment.status())));
  }
  received.commitment = *commitment;
  const RoundId round = commitment->round;
  if (commitment->worker != sender.worker) {
    return Refuse(sender, round,
                  Reject(RejectReason::kSignature, "a commitment in another worker's name"));
  }
  absl::StatusOr<EcdsaSignature> signature =
      ParseField<EcdsaSignature>(request.signature(), "signature");
  absl::Status verified = signature.status();
  if (verified.ok()) {
    verified = VerifySigner(SigningDigest(services_.deployment.signing_domain(), *commitment),
                            *signature, sender.worker);
  }
  if (!verified.ok()) {
    return Refuse(sender, round, Reject(RejectReason::kSignature, MessageOf(verified)));
  }
  received.signature = *signature;
  received.metrics = {request.train_loss(), request.eval_loss(), request.eval_accuracy()};
  for (float metric : {received.metrics.train_loss, received.metrics.eval_loss,
                       received.metrics.eval_accuracy}) {
    if (!std::isfinite(metric)) {
      return Refuse(sender, round,
                    Reject(RejectReason::kNonFinite, "a reported metric is NaN or infinite"));
    }
  }
  RETURN_IF_ERROR(services_.driver->Submit(sender.job, received));
  ASSIGN_OR_RETURN(const RoundFacts facts, QueryJob(services_, sender.job, [&](const Job& job) {
                     return FactsOf(job, round, sender.worker);
                   }));
  const Receipt receipt{sender.job, round, sender.worker, HashStruct(*commitment),
                        static_cast<uint64_t>(facts.committed_ms)};
  *response.mutable_receipt() = ToProto(receipt);
  response.set_signature(FieldBytes(services_.account->Sign(
      SigningDigest(services_.deployment.signing_domain(), receipt))));
  return absl::OkStatus();
}

grpc::Status WorkerService::Reveal(grpc::ServerContext* call,
                                   grpc::ServerReader<v1::RevealRequest>* reader,
                                   v1::RevealResponse*) {
  return ToGrpcStatus(*call, DoReveal(*call, *reader));
}

absl::Status WorkerService::DoReveal(grpc::ServerContext& call,
                                     grpc::ServerReader<v1::RevealRequest>& reader) {
  v1::RevealRequest first;
  if (!reader.Read(&first)) return absl::InvalidArgumentError("an empty stream");
  const v1::RevealHeader& header = first.header();
  ASSIGN_OR_RETURN(const Sender sender, SenderOf(call, "Reveal", first, header.job()));
  const auto refuse = [&](const absl::Status& refusal) {
    return Refuse(sender, header.round(), refusal);
  };
  ASSIGN_OR_RETURN(const RoundFacts facts, QueryJob(services_, sender.job, [&](const Job& job) {
                     return FactsOf(job, header.round(), sender.worker);
                   }));
  if (!facts.commitment.has_value()) {
    return refuse(Reject(RejectReason::kWrongRound, "no commitment of yours in this round"));
  }
  if (header.total_bytes() != facts.commitment->update_bytes) {
    return refuse(Reject(RejectReason::kLength, "announced " + std::to_string(header.total_bytes()) +
                                                    " bytes, committed to " +
                                                    std::to_string(facts.commitment->update_bytes)));
  }
  absl::StatusOr<Bytes> update = ReadStream(reader, header.total_bytes());
  if (!update.ok()) return refuse(update.status());
  absl::StatusOr<double> norm = CheckUpdate(*update, *facts.commitment, *facts.spec);
  if (!norm.ok()) return refuse(norm.status());
  RETURN_IF_ERROR(services_.blobs->Put(*update).status());
  return services_.driver->Submit(sender.job,
                                  UpdateRevealed{header.round(), sender.worker, *norm});
}

grpc::Status WorkerService::OpenState(grpc::ServerContext* call,
                                      grpc::ServerReader<v1::OpenStateRequest>* reader,
                                      v1::OpenStateResponse*) {
  return ToGrpcStatus(*call, DoOpenState(*call, *reader));
}

absl::Status WorkerService::DoOpenState(grpc::ServerContext& call,
                                        grpc::ServerReader<v1::OpenStateRequest>& reader) {
  v1::OpenStateRequest first;
  if (!reader.Read(&first)) return absl::InvalidArgumentError("an empty stream");
  const v1::OpenStateHeader& header = first.header();
  ASSIGN_OR_RETURN(const Sender sender, SenderOf(call, "OpenState", first, header.job()));
  const auto refuse = [&](const absl::Status& refusal) {
    return Refuse(sender, header.round(), refusal);
  };
  ASSIGN_OR_RETURN(const RoundFacts facts, QueryJob(services_, sender.job, [&](const Job& job) {
                     return FactsOf(job, header.round(), sender.worker);
                   }));
  ASSIGN_OR_RETURN(const StateOpening start, FromProto(header.start()));
  if (absl::Status fits =
          CheckAnnounced(header.total_bytes(), StateBytesMax(*facts.spec), "a state");
      !fits.ok()) {
    return refuse(fits);
  }
  absl::StatusOr<Bytes> state = ReadStream(reader, header.total_bytes());
  if (!state.ok()) return refuse(state.status());
  if (absl::Status root = CheckRoot(*state, start.state_root, "the opened state"); !root.ok()) {
    return refuse(root);
  }
  RETURN_IF_ERROR(services_.blobs->Put(*state).status());
  return services_.driver->Submit(sender.job, StateOpened{header.round(), sender.worker, start});
}

grpc::Status WorkerService::OpenResult(grpc::ServerContext* call,
                                       grpc::ServerReader<v1::OpenResultRequest>* reader,
                                       v1::OpenResultResponse*) {
  return ToGrpcStatus(*call, DoOpenResult(*call, *reader));
}

absl::Status WorkerService::DoOpenResult(grpc::ServerContext& call,
                                         grpc::ServerReader<v1::OpenResultRequest>& reader) {
  v1::OpenResultRequest first;
  if (!reader.Read(&first)) return absl::InvalidArgumentError("an empty stream");
  const v1::OpenResultHeader& header = first.header();
  ASSIGN_OR_RETURN(const Sender sender, SenderOf(call, "OpenResult", first, header.job()));
  const auto refuse = [&](const absl::Status& refusal) {
    return Refuse(sender, header.round(), refusal);
  };
  ASSIGN_OR_RETURN(const RoundFacts facts, QueryJob(services_, sender.job, [&](const Job& job) {
                     return FactsOf(job, header.round(), sender.worker);
                   }));
  ASSIGN_OR_RETURN(const StateOpening next, FromProto(header.next()));
  ASSIGN_OR_RETURN(const StateOpening last, FromProto(header.last()));
  const uint64_t state_bytes_max = StateBytesMax(*facts.spec);
  absl::Status fits = CheckAnnounced(header.last_bytes(), state_bytes_max, "the last state");
  const bool with_next = facts.commitment.has_value() &&
                         facts.commitment->engine_class == EngineClass::kVendor;
  if (fits.ok() && with_next) {
    fits = CheckAnnounced(header.next_bytes(), state_bytes_max, "the next state");
  } else if (fits.ok() && header.next_bytes() != 0) {
    fits = Reject(RejectReason::kLength, "the next state's bytes are not asked of the pinned class");
  }
  if (!fits.ok()) return refuse(fits);
  absl::StatusOr<Bytes> both = ReadStream(reader, header.next_bytes() + header.last_bytes());
  if (!both.ok()) return refuse(both.status());
  const ByteView next_state = ByteView(*both).first(header.next_bytes());
  const ByteView last_state = ByteView(*both).subspan(header.next_bytes());
  absl::Status roots = CheckRoot(last_state, last.state_root, "the last state");
  if (roots.ok() && with_next) roots = CheckRoot(next_state, next.state_root, "the next state");
  if (!roots.ok()) return refuse(roots);
  RETURN_IF_ERROR(services_.blobs->Put(last_state).status());
  if (with_next) RETURN_IF_ERROR(services_.blobs->Put(next_state).status());
  return services_.driver->Submit(sender.job,
                                  ResultOpened{header.round(), sender.worker, next, last});
}

grpc::Status WorkerService::CommitAudit(grpc::ServerContext* call,
                                        const v1::CommitAuditRequest* request,
                                        v1::CommitAuditResponse*) {
  return ToGrpcStatus(*call, DoCommitAudit(*call, *request));
}

absl::Status WorkerService::DoCommitAudit(grpc::ServerContext& call,
                                          const v1::CommitAuditRequest& request) {
  ASSIGN_OR_RETURN(const Sender sender, SenderOf(call, "CommitAudit", request, request.job()));
  AuditCommitted committed;
  committed.round = request.round();
  committed.auditor = sender.worker;
  ASSIGN_OR_RETURN(committed.worker, ParseField<WorkerId>(request.worker(), "worker"));
  ASSIGN_OR_RETURN(committed.commitment, ParseField<Digest>(request.commitment(), "commitment"));
  return services_.driver->Submit(sender.job, committed);
}

grpc::Status WorkerService::DeliverVerdict(grpc::ServerContext* call,
                                           const v1::DeliverVerdictRequest* request,
                                           v1::DeliverVerdictResponse*) {
  return ToGrpcStatus(*call, DoDeliverVerdict(*call, *request));
}

absl::Status WorkerService::DoDeliverVerdict(grpc::ServerContext& call,
                                             const v1::DeliverVerdictRequest& request) {
  ASSIGN_OR_RETURN(const Sender sender,
                   SenderOf(call, "DeliverVerdict", request, request.verdict().job()));
  VerdictDelivered delivered;
  ASSIGN_OR_RETURN(delivered.verdict, FromProto(request.verdict()));
  ASSIGN_OR_RETURN(delivered.signature,
                   ParseField<EcdsaSignature>(request.signature(), "signature"));
  ASSIGN_OR_RETURN(delivered.salt, ParseField<Salt>(request.salt(), "salt"));
  if (delivered.verdict.auditor != sender.worker) {
    return Refuse(sender, delivered.verdict.round,
                  Reject(RejectReason::kSignature, "a verdict in another auditor's name"));
  }
  const Digest digest =
      SigningDigest(services_.deployment.signing_domain(), delivered.verdict);
  if (absl::Status verified = VerifySigner(digest, delivered.signature, sender.worker);
      !verified.ok()) {
    return Refuse(sender, delivered.verdict.round,
                  Reject(RejectReason::kSignature, MessageOf(verified)));
  }
  return services_.driver->Submit(sender.job, delivered);
}

grpc::Status WorkerService::Leave(grpc::ServerContext* call, const v1::LeaveRequest* request,
                                  v1::LeaveResponse*) {
  absl::StatusOr<Sender> sender = SenderOf(*call, "Leave", *request, request->job());
  if (!sender.ok()) return ToGrpcStatus(*call, sender.status());
  return ToGrpcStatus(*call, services_.driver->Submit(sender->job, WorkerLeft{sender->worker}));
}

}  // namespace tessera::coordinator
