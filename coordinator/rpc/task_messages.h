// What a job wants a worker to do, as a message.
#pragma once

#include "coordinator/core/job.h"
#include "tessera/v1/worker.pb.h"

namespace tessera::coordinator {

v1::RoundPhase ToProto(RoundPhase phase);
v1::JobPhase ToProto(JobPhase phase);

// The most urgent task of a registered worker; WaitTask if there is none yet, FinishTask if there never will be.
v1::NextTaskResponse TaskMessage(const Job& job, const WorkerId& worker);

}  // namespace tessera::coordinator
