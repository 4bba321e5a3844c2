// Carries a job's effects to the chain, in order, until the chain has them.
#pragma once

#include <condition_variable>
#include <functional>
#include <list>
#include <mutex>
#include <thread>

#include "base/clock.h"
#include "coordinator/anchor/ledger.h"

namespace tessera::coordinator {

// One thread. An effect that fails is tried again with growing pauses for as long as the process
// lives, because the round cannot go on without it; each failure is logged. Equal effects queue
// once.
class LedgerQueue {
 public:
  using Confirm = std::function<absl::Status(const JobId&, EventBody)>;

  // `ledger` and `clock` outlive the queue. `confirm` is called from the queue's thread.
  LedgerQueue(Ledger* ledger, const Clock* clock, Confirm confirm);
  ~LedgerQueue();

  void Start();
  void Stop();

  // True if the effect is one for the chain; it is then queued. Never blocks.
  bool Offer(const JobId& job, const Effect& effect);

 private:
  struct Entry {
    JobId job;
    Effect effect;
    std::string key;
    int64_t due_ms = 0;
    int attempts = 0;
  };

  void Run();
  // Performs the effect and confirms it.
  absl::Status Perform(const Entry& entry);

  Ledger* const ledger_;
  const Clock* const clock_;
  const Confirm confirm_;
  std::thread thread_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::list<Entry> entries_;  // Guarded by mutex_.
  bool stopping_ = false;     // Guarded by mutex_.
};

}  // namespace tessera::coordinator
