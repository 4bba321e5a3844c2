// tessera job watch: a job's progress, live.
#include <unistd.h>

#include <algorithm>
#include <iostream>
#include <nlohmann/json.hpp>
#include <thread>

#include "cli/commands.h"
#include "cli/job_view.h"
#include "proto/convert/convert.h"

namespace tessera::cli {
namespace {

constexpr std::chrono::hours kStreamTimeout{1};
constexpr std::chrono::seconds kRetryDelay{1};
constexpr int kRetriesMax = 120;  // In a row: a coordinator may be restarting.

bool IsOver(const v1::JobStatus& status, WatchUntil until) {
  if (status.phase() == v1::JOB_PHASE_CLOSED) return true;
  const bool all_settled = status.phase() == v1::JOB_PHASE_CLOSING;
  switch (until) {
    case WatchUntil::kSettled:
      return all_settled;
    case WatchUntil::kFinal:
      return all_settled && std::ranges::all_of(status.rounds_so_far(), [](const auto& round) {
               return round.phase() != v1::ROUND_PHASE_SETTLED || round.final();
             });
    case WatchUntil::kClosed:
      return false;
  }
  return false;
}

// Shows one state after the other: a view that redraws itself on a terminal, else a line for each
// change.
class Screen {
 public:
  Screen(const Output& output, WatchLog log)
      : output_(output), log_(log), is_terminal_(!output.is_json() && isatty(STDOUT_FILENO) == 1) {}

  void Show(const v1::JobStatus& status) {
    if (output_.is_json()) {
      Json json = JobJson(status);
      if (log_ == WatchLog::kHide) json.erase("log");
      output_.Answer(json, "");
    } else if (is_terminal_) {
      Redraw(status);
    } else {
      ShowChange(status);
    }
  }

 private:
  void Redraw(const v1::JobStatus& status) {
    // Up to the first line of the last view, and clear from there on.
    if (lines_ > 0) std::cout << "\x1b[" << lines_ << "F\x1b[J";
    ShowLog(status);
    const std::string text = JobText(status);
    std::cout << text << "\n" << std::flush;
    lines_ = std::ranges::count(text, '\n') + 1;
  }

  void ShowChange(const v1::JobStatus& status) {
    ShowLog(status);
    // The estimate moves all the time; it alone is no change.
    v1::JobStatus without_eta = status;
    without_eta.set_eta_ms(0);
    const std::string line = ProgressLine(without_eta);
    if (line == last_line_) return;
    last_line_ = line;
    std::cout << ProgressLine(status) << std::endl;
  }

  void ShowLog(const v1::JobStatus& status) const {
    if (log_ == WatchLog::kHide) return;
    for (const v1::LogLine& line : status.log()) std::cout << LogText(line) << "\n";
  }

  const Output& output_;
  const WatchLog log_;
  const bool is_terminal_;
  std::ptrdiff_t lines_ = 0;
  std::string last_line_;
};

// One stream; OK when the job is where the caller wants it. `log_from` and `retries` follow what
// has arrived.
absl::Status Follow(v1::JobService::Stub& jobs, const JobId& job, WatchUntil until, Screen& screen,
                    uint64_t& log_from, int& retries) {
  v1::WatchJobRequest request;
  request.set_job(FieldBytes(job));
  request.set_log_from(log_from);
  grpc::ClientContext call;
  call.set_deadline(std::chrono::system_clock::now() + kStreamTimeout);
  const auto reader = jobs.WatchJob(&call, request);
  v1::WatchJobResponse response;
  while (reader->Read(&response)) {
    const v1::JobStatus& status = response.status();
    retries = 0;
    screen.Show(status);
    if (status.log_size() > 0) log_from = status.log(status.log_size() - 1).sequence() + 1;
    if (IsOver(status, until)) {
      call.TryCancel();
      reader->Finish();
      return absl::OkStatus();
    }
  }
  const absl::Status ended = FromGrpcStatus(call, reader->Finish());
  return ended.ok() ? absl::UnavailableError("the coordinator ended the stream") : ended;
}

}  // namespace

absl::Status JobWatch(Context& context, const JobWatchOptions& options) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(options.job));
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  Screen screen(context.output(), options.log);
  uint64_t log_from = 0;
  int retries = 0;
  for (;;) {
    const absl::Status followed = Follow(*jobs, job, options.until, screen, log_from, retries);
    const bool may_come_back = absl::IsUnavailable(followed) || absl::IsDeadlineExceeded(followed);
    if (!may_come_back || ++retries > kRetriesMax) return followed;
    std::this_thread::sleep_for(kRetryDelay);
  }
}

}  // namespace tessera::cli
