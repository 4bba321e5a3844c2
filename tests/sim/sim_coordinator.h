// The driver around the core, as the coordinator has it, with a journal in memory, crashes at
// random events, and a check of the invariants after every event.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>

#include "coordinator/core/job.h"
#include "tests/sim/sim_ledger.h"
#include "tests/sim/world.h"

namespace tessera::coordinator::sim {

class SimCoordinator {
 public:
  SimCoordinator(World* world, SimLedger* ledger, const JobId& id, const JobLaunched& launched,
                 int64_t crash_permille);

  // From a worker, over the wire. Unavailable while the coordinator is down or if it crashes at
  // this event.
  absl::Status Submit(const EventBody& body);
  // From the chain, the timer or the owner.
  void Feed(const EventBody& body);
  std::optional<std::pair<RoundId, Work>> Poll(const WorkerId& worker) const;
  // Applies a deadline that is over, and checks that no round waits for the chain or for us for
  // ever.
  void Tick();

  const Job& job() const { return *job_; }
  bool up() const { return up_; }
  bool done() const { return done_; }
  uint64_t events() const { return journal_.size(); }
  uint64_t restarts() const { return restarts_; }
  // Goes on with the state that the journal gives, which must be the one it had.
  void CheckReplay();

 private:
  absl::Status Record(const EventBody& body, bool from_worker);
  absl::StatusOr<std::vector<Effect>> Apply(const Event& event);
  void Crash();
  void Restart();
  std::optional<Job> Replay();

  void Execute(const Effect& effect);
  void Attempt(const Effect& effect, uint64_t incarnation);
  absl::StatusOr<EventBody> Perform(const Effect& effect);

  void CheckAccepted();
  void CheckVerdicts(const Round& round);
  void CheckSettlement(RoundId id);

  World* const world_;
  SimLedger* const ledger_;
  const int64_t crash_permille_;
  std::vector<std::string> journal_;
  std::optional<Job> job_;
  JobId id_;
  bool up_ = true;
  bool done_ = false;
  uint64_t incarnation_ = 0;
  uint64_t restarts_ = 0;
  // What workers were told is accepted: bodies, and commitments by round and worker.
  std::set<std::string> accepted_;
  std::map<std::pair<RoundId, WorkerId>, Digest> receipts_;
};

}  // namespace tessera::coordinator::sim
