// tessera job: what a researcher asks of a running job; launching is in commands_launch.cc,
// watching in commands_watch.cc.
#include <nlohmann/json.hpp>

#include "base/file.h"
#include "cli/commands.h"
#include "cli/evidence.h"
#include "cli/job_view.h"
#include "proto/convert/convert.h"
#include "proto/transport/blob_stream.h"
#include "proto/transport/request_metadata.h"

namespace tessera::cli {
namespace {

constexpr uint64_t kModelBytesMax = uint64_t{1} << 32;
constexpr std::chrono::minutes kModelTimeout{10};

absl::StatusOr<v1::GetRoundEvidenceResponse> EvidenceOf(Context& context, const JobId& job,
                                                        uint64_t round) {
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  v1::GetRoundEvidenceRequest request;
  request.set_job(FieldBytes(job));
  request.set_round(round);
  return CallUnary(*jobs, &v1::JobService::Stub::GetRoundEvidence, request);
}

absl::StatusOr<v1::JobStatus> StatusOf(Context& context, const JobId& job) {
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  v1::GetJobRequest request;
  request.set_job(FieldBytes(job));
  ASSIGN_OR_RETURN(v1::GetJobResponse response,
                   CallUnary(*jobs, &v1::JobService::Stub::GetJob, request));
  return std::move(*response.mutable_status());
}

// The model after `round`, or the newest one.
absl::StatusOr<BlobRoot> ModelRoot(Context& context, const JobId& job,
                                   std::optional<uint64_t> round) {
  if (!round) {
    ASSIGN_OR_RETURN(const v1::JobStatus status, StatusOf(context, job));
    return ParseField<BlobRoot>(status.model_root(), "model_root");
  }
  ASSIGN_OR_RETURN(const v1::GetRoundEvidenceResponse evidence, EvidenceOf(context, job, *round));
  if (evidence.model_root().empty()) {
    return absl::FailedPreconditionError("round " + std::to_string(*round) + " has no model yet");
  }
  return ParseField<BlobRoot>(evidence.model_root(), "model_root");
}

}  // namespace

absl::Status JobList(Context& context) {
  ASSIGN_OR_RETURN(v1::JobService::Stub* const stub, context.Jobs());
  ASSIGN_OR_RETURN(const v1::ListJobsResponse response,
                   CallUnary(*stub, &v1::JobService::Stub::ListJobs, v1::ListJobsRequest()));
  Json jobs = Json::array();
  std::string text;
  for (const v1::JobSummary& job : response.jobs()) {
    const std::string id = ToHex(AsBytes(job.job()));
    jobs.push_back({{"job", id},
                    {"name", job.name()},
                    {"phase", JobPhaseName(job.phase())},
                    {"rounds_settled", job.rounds_settled()},
                    {"rounds", job.rounds()},
                    {"workers", job.workers()}});
    text += id + "  " + job.name() + "  " + std::string(JobPhaseName(job.phase())) + "  " +
            std::to_string(job.rounds_settled()) + "/" + std::to_string(job.rounds()) +
            " rounds  " + std::to_string(job.workers()) + " workers\n";
  }
  context.output().Answer({{"jobs", std::move(jobs)}}, text.empty() ? "no jobs" : text);
  return absl::OkStatus();
}

absl::Status JobShow(Context& context, const std::string& job_text) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const v1::JobStatus status, StatusOf(context, job));
  context.output().Answer(JobJson(status), JobText(status));
  return absl::OkStatus();
}

absl::Status JobCancel(Context& context, const std::string& job_text) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const KeyPair* const keys, context.Keys());
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  v1::CancelJobRequest request;
  request.set_job(FieldBytes(job));
  grpc::ClientContext call;
  SignCall(call, keys->authentication, "/tessera.v1.JobService/CancelJob", request,
           SystemClock().NowMs());
  RETURN_IF_ERROR(CallUnary(*jobs, &v1::JobService::Stub::CancelJob, request, call).status());
  context.output().Answer({{"job", job.hex()}, {"cancelled", true}},
                          "cancelled; the rest of the escrow comes back when the last challenge "
                          "window is over");
  return absl::OkStatus();
}

absl::Status JobFetchModel(Context& context, const std::string& job_text,
                           std::optional<uint64_t> round, const std::filesystem::path& out) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const BlobRoot root, ModelRoot(context, job, round));
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  const auto unsigned_call = [](grpc::ClientContext&, const v1::FetchBlobRequest&) {};
  ASSIGN_OR_RETURN(const Bytes model,
                   FetchBlob(*jobs, root, kModelBytesMax, kModelTimeout, unsigned_call));
  RETURN_IF_ERROR(WriteFileAtomic(out, model));
  context.output().Answer(
      {{"model_root", root.hex()}, {"bytes", model.size()}, {"file", out.string()}},
      "model " + root.hex() + ", " + std::to_string(model.size()) + " bytes, in " + out.string());
  return absl::OkStatus();
}

absl::Status JobEvidence(Context& context, const std::string& job_text, uint64_t round) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const v1::GetRoundEvidenceResponse message, EvidenceOf(context, job, round));
  ASSIGN_OR_RETURN(const RoundEvidence evidence, FromProto(message));
  const Json json = ToJson(evidence);
  context.output().Answer(json, json.dump(2));
  return absl::OkStatus();
}

}  // namespace tessera::cli
