// When each worker was last heard of, and what it said it was doing. Lost at a restart: nothing depends on it.
#pragma once

#include <map>
#include <mutex>
#include <string>

#include "coordinator/rpc/display_text.h"
#include "protocol/ids.h"

namespace tessera::coordinator {

inline constexpr size_t kActivityCharsMax = 64;

// Thread-safe.
class Presence {
 public:
  struct Entry {
    int64_t last_seen_ms = 0;
    std::string activity;
  };

  // An empty activity keeps the one before.
  void Note(const WorkerId& worker, int64_t now_ms, std::string_view activity) {
    std::lock_guard lock(mutex_);
    Entry& entry = entries_[worker];
    entry.last_seen_ms = now_ms;
    if (!activity.empty()) entry.activity = DisplayText(activity, kActivityCharsMax);
  }

  Entry Of(const WorkerId& worker) const {
    std::lock_guard lock(mutex_);
    const auto entry = entries_.find(worker);
    return entry == entries_.end() ? Entry{} : entry->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<WorkerId, Entry>
      entries_;  // Guarded by mutex_. Only registered workers: bounded by the rosters.
};

}  // namespace tessera::coordinator
