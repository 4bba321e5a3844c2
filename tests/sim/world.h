// Virtual time and seeded chance: everything in a simulation happens because it was put here, in an
// order that the seed alone decides.
#pragma once

#include <cstdint>
#include <functional>
#include <queue>
#include <string>
#include <vector>

#include "base/random.h"

namespace tessera::coordinator::sim {

class World {
 public:
  explicit World(uint64_t seed) : random_(seed) {}

  int64_t now_ms() const { return now_ms_; }
  void After(int64_t delay_ms, std::function<void()> action) {
    queue_.push({now_ms_ + delay_ms, next_order_++, std::move(action)});
  }
  // Lets the next action happen; false if there is none.
  bool Step() {
    if (queue_.empty()) return false;
    Item item = queue_.top();
    queue_.pop();
    now_ms_ = item.at_ms;
    item.action();
    return true;
  }

  // In [low, high].
  int64_t Between(int64_t low, int64_t high) {
    return low +
           static_cast<int64_t>(random_.Word(drawn_++) % static_cast<uint64_t>(high - low + 1));
  }
  bool Chance(int64_t percent) { return Between(1, 100) <= percent; }

  // Something that must never happen. The first few are kept.
  void Violation(std::string what) {
    if (violations_.size() < kViolationsMax) {
      violations_.push_back("at " + std::to_string(now_ms_) + " ms: " + std::move(what));
    }
  }
  void Check(bool holds, const std::string& what) {
    if (!holds) Violation(what);
  }
  const std::vector<std::string>& violations() const { return violations_; }

 private:
  static constexpr size_t kViolationsMax = 8;
  struct Item {
    int64_t at_ms;
    uint64_t order;
    std::function<void()> action;
    bool operator<(const Item& other) const {
      return std::pair(at_ms, order) > std::pair(other.at_ms, other.order);
    }
  };

  Philox4x32 random_;
  uint64_t drawn_ = 0;
  int64_t now_ms_ = 1'000'000;
  uint64_t next_order_ = 0;
  std::priority_queue<Item> queue_;
  std::vector<std::string> violations_;
};

}  // namespace tessera::coordinator::sim
