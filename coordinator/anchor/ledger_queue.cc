#include "coordinator/anchor/ledger_queue.h"

#include <algorithm>

#include "base/status_macros.h"
#include "spdlog/spdlog.h"

namespace tessera::coordinator {
namespace {

constexpr int64_t kNotYetPauseMs = 250;
// A due time comes from the chain and may be any number; the wait for it is looked at again this often.
constexpr int64_t kWaitMaxMs = 60'000;
constexpr int64_t kPauseFirstMs = 500;
constexpr int64_t kPauseMaxMs = 30'000;

// What an effect is called: "settle round 3". Equal names of one job are one effect. Empty: not for the chain.
std::string NameOf(const Effect& effect) {
  if (const auto* e = std::get_if<AnchorRound>(&effect)) {
    return "anchor round " + std::to_string(e->round);
  }
  if (const auto* e = std::get_if<SealRound>(&effect)) {
    return "seal round " + std::to_string(e->round);
  }
  if (const auto* e = std::get_if<DisputeWorker>(&effect)) {
    return "dispute worker " + e->commitment.worker.hex() + " of round " + std::to_string(e->round);
  }
  if (const auto* e = std::get_if<SettleRound>(&effect)) {
    return "settle round " + std::to_string(e->round);
  }
  if (const auto* e = std::get_if<FinalizeRound>(&effect)) {
    return "finalize round " + std::to_string(e->round);
  }
  if (const auto* e = std::get_if<LapseRound>(&effect)) {
    return "lapse round " + std::to_string(e->round);
  }
  if (std::holds_alternative<CloseJob>(effect)) return "close the job";
  return "";
}

int64_t PauseMs(int attempts) {
  return std::min(kPauseFirstMs << std::min(attempts, 6), kPauseMaxMs);
}

}  // namespace

LedgerQueue::LedgerQueue(Ledger* ledger, const Clock* clock, Confirm confirm)
    : ledger_(ledger), clock_(clock), confirm_(std::move(confirm)) {}

LedgerQueue::~LedgerQueue() { Stop(); }

void LedgerQueue::Start() {
  thread_ = std::thread([this] { Run(); });
}

void LedgerQueue::Stop() {
  {
    std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  wake_.notify_all();
  if (thread_.joinable()) thread_.join();
}

bool LedgerQueue::Offer(const JobId& job, const Effect& effect) {
  const std::string name = NameOf(effect);
  if (name.empty()) return false;
  Entry entry{job, effect, job.hex() + " " + name, 0, 0};
  if (const auto* finalize = std::get_if<FinalizeRound>(&effect)) {
    entry.due_ms = finalize->not_before_ms;
  }
  {
    std::lock_guard lock(mutex_);
    for (const Entry& queued : entries_) {
      if (queued.key == entry.key) return true;
    }
    entries_.push_back(std::move(entry));
  }
  wake_.notify_all();
  return true;
}

void LedgerQueue::Run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    const auto next =
        std::min_element(entries_.begin(), entries_.end(),
                         [](const Entry& a, const Entry& b) { return a.due_ms < b.due_ms; });
    if (next == entries_.end()) {
      wake_.wait(lock);
      continue;
    }
    if (const int64_t wait_ms = next->due_ms - clock_->NowMs(); wait_ms > 0) {
      wake_.wait_for(lock, std::chrono::milliseconds(std::min(wait_ms, kWaitMaxMs)));
      continue;
    }
    // The entry stays in the list while it runs, so that an equal one is not queued beside it.
    lock.unlock();
    const absl::Status done = Perform(*next);
    lock.lock();
    if (done.ok()) {
      entries_.erase(next);
      continue;
    }
    if (absl::IsOutOfRange(done)) {
      next->due_ms = clock_->NowMs() + kNotYetPauseMs;
      continue;
    }
    const int64_t pause_ms = PauseMs(next->attempts++);
    next->due_ms = clock_->NowMs() + pause_ms;
    spdlog::warn("job {}: cannot {} yet, again in {} ms: {}", next->job.short_hex(),
                 NameOf(next->effect), pause_ms, done.ToString());
  }
}

absl::Status LedgerQueue::Perform(const Entry& entry) {
  const auto confirm = [&](auto event) -> absl::Status {
    if (!event.ok()) return event.status();
    spdlog::info("job {}: {}: done, {} gas", entry.job.short_hex(), NameOf(entry.effect),
                 event->gas);
    return confirm_(entry.job, *std::move(event));
  };
  if (const auto* e = std::get_if<AnchorRound>(&entry.effect)) {
    return confirm(ledger_->Anchor(entry.job, *e));
  }
  if (const auto* e = std::get_if<SealRound>(&entry.effect)) {
    return confirm(ledger_->Seal(entry.job, *e));
  }
  if (const auto* e = std::get_if<DisputeWorker>(&entry.effect)) {
    return confirm(ledger_->Dispute(entry.job, *e));
  }
  if (const auto* e = std::get_if<SettleRound>(&entry.effect)) {
    return confirm(ledger_->Settle(entry.job, *e));
  }
  if (const auto* e = std::get_if<FinalizeRound>(&entry.effect)) {
    return confirm(ledger_->Finalize(entry.job, e->round));
  }
  if (const auto* e = std::get_if<LapseRound>(&entry.effect)) {
    return confirm(ledger_->Lapse(entry.job, e->round));
  }
  return ledger_->Close(entry.job);
}

}  // namespace tessera::coordinator
