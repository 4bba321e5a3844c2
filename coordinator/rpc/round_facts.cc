#include "coordinator/rpc/round_facts.h"

namespace tessera::coordinator {

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

}  // namespace tessera::coordinator
