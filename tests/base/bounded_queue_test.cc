#include "base/bounded_queue.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <thread>

namespace tessera {
namespace {

using std::chrono::milliseconds;
using testing::ElementsAre;
using testing::IsEmpty;

constexpr milliseconds kNoWait{0};
constexpr milliseconds kLong{60'000};

TEST(BoundedQueue, KeepsTheOrderOfOneProducer) {
  BoundedQueue<int> queue(3);
  for (int i = 1; i <= 3; ++i) EXPECT_TRUE(queue.TryPush(std::move(i)));
  EXPECT_EQ(queue.Pop(), 1);
  EXPECT_THAT(queue.PopAll(kLong), ElementsAre(2, 3));
}

TEST(BoundedQueue, RefusesWhenFullAndLeavesTheItem) {
  BoundedQueue<std::unique_ptr<int>> queue(1);
  EXPECT_TRUE(queue.TryPush(std::make_unique<int>(1)));
  auto second = std::make_unique<int>(2);
  EXPECT_FALSE(queue.TryPush(std::move(second)));
  ASSERT_NE(second, nullptr);
  EXPECT_EQ(**queue.Pop(), 1);
  EXPECT_TRUE(queue.TryPush(std::move(second)));
  EXPECT_EQ(second, nullptr);
}

TEST(BoundedQueue, HoldsNothingWithoutCapacity) {
  BoundedQueue<int> queue(0);
  EXPECT_FALSE(queue.TryPush(1));
}

TEST(BoundedQueue, PopAllTimesOutEmpty) {
  BoundedQueue<int> queue(1);
  EXPECT_THAT(queue.PopAll(kNoWait), IsEmpty());
}

TEST(BoundedQueue, DrainsAfterCloseAndRefusesNewItems) {
  BoundedQueue<int> queue(2);
  EXPECT_FALSE(queue.closed());
  EXPECT_TRUE(queue.TryPush(7));
  queue.Close();
  EXPECT_TRUE(queue.closed());
  EXPECT_FALSE(queue.TryPush(8));
  EXPECT_EQ(queue.Pop(), 7);
  EXPECT_EQ(queue.Pop(), std::nullopt);
  EXPECT_THAT(queue.PopAll(kLong), IsEmpty());
}

TEST(BoundedQueue, CloseWakesEveryWaitingConsumer) {
  BoundedQueue<int> queue(1);
  std::vector<std::thread> consumers;
  for (int i = 0; i < 2; ++i) {
    consumers.emplace_back([&] { EXPECT_EQ(queue.Pop(), std::nullopt); });
    consumers.emplace_back([&] { EXPECT_THAT(queue.PopAll(kLong), IsEmpty()); });
  }
  queue.Close();
  for (std::thread& consumer : consumers) consumer.join();
}

TEST(BoundedQueue, DeliversEveryItemOnceBetweenManyThreads) {
  constexpr int kProducers = 4;
  constexpr int kConsumers = 3;
  constexpr int kItemsEach = 2000;
  BoundedQueue<int> queue(8);
  std::vector<std::vector<int>> taken(kConsumers);
  std::vector<std::thread> consumers;
  for (int c = 0; c < kConsumers; ++c) {
    consumers.emplace_back([&queue, &mine = taken[c]] {
      while (std::optional<int> item = queue.Pop()) mine.push_back(*item);
    });
  }
  std::vector<std::thread> producers;
  for (int p = 0; p < kProducers; ++p) {
    producers.emplace_back([&queue, p] {
      for (int i = 0; i < kItemsEach; ++i) {
        while (!queue.TryPush(p * kItemsEach + i)) std::this_thread::yield();
      }
    });
  }
  for (std::thread& producer : producers) producer.join();
  queue.Close();
  for (std::thread& consumer : consumers) consumer.join();

  std::vector<int> all;
  for (const std::vector<int>& part : taken) all.insert(all.end(), part.begin(), part.end());
  std::sort(all.begin(), all.end());
  std::vector<int> expected(kProducers * kItemsEach);
  std::iota(expected.begin(), expected.end(), 0);
  EXPECT_EQ(all, expected);
}

}  // namespace
}  // namespace tessera
