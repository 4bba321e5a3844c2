// A job's whole state as text: two jobs with the same dump behave alike. For comparing a live job
// with a replayed one.
#pragma once

#include <string>

#include "coordinator/core/job.h"

namespace tessera::coordinator::sim {

std::string DumpState(const Job& job);

}  // namespace tessera::coordinator::sim
