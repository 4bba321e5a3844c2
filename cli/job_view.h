// A job's state as people and programs read it.
#pragma once

#include <nlohmann/json_fwd.hpp>
#include <string>

#include "cli/output.h"
#include "tessera/v1/job.pb.h"

namespace tessera::cli {

std::string_view JobPhaseName(v1::JobPhase phase);
std::string_view RoundPhaseName(v1::RoundPhase phase);

// The round that the job is in; the default message before the first.
v1::RoundStatus CurrentRound(const v1::JobStatus& status);

Json WorkerJson(const v1::WorkerStatus& worker);
// With all rounds, workers and log lines that the message holds.
Json JobJson(const v1::JobStatus& status);

// "round 3/10  auditing  waits for 0x12345678  loss 0.41  accuracy 87.2%  ETA 1m 20s"
std::string ProgressLine(const v1::JobStatus& status);
std::string WorkerLine(const v1::WorkerStatus& worker, int64_t now_ms);
std::string LogText(const v1::LogLine& line);
// Several lines: the job, its newest round, and its workers.
std::string JobText(const v1::JobStatus& status);

}  // namespace tessera::cli
