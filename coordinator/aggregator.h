// Turns a round's revealed updates into the next model, on a thread of its own.
#pragma once

#include <condition_variable>
#include <filesystem>
#include <functional>
#include <mutex>
#include <thread>

#include "base/bounded_queue.h"
#include "coordinator/core/aggregate_round.h"
#include "coordinator/store/blob_store.h"

namespace tessera::coordinator {

inline constexpr size_t kAggregatorQueueMax = 1024;

// Runs aggregations one after the other, and again if one fails (a full disk, a lost file), because its round waits for
// it. Model and outer state are on the disk before the event is submitted.
class Aggregator {
 public:
  using Confirm = std::function<absl::Status(const JobId&, EventBody)>;

  // `blobs` outlives the aggregator. Outer states lie in `outer_folder`, named by their model's root.
  Aggregator(BlobStore* blobs, std::filesystem::path outer_folder, Confirm confirm);
  ~Aggregator();
  void Start();
  void Stop();

  // Called by the driver's thread; never blocks.
  void Offer(const JobId& job, const JobSpec& spec, const AggregateUpdates& effect);

 private:
  struct Task {
    JobId job;
    AggregationInput input;
  };
  void Run();
  absl::Status Perform(const Task& task);
  std::filesystem::path OuterPath(const BlobRoot& model) const;
  // DataLoss if it is neither stored nor the job's first.
  absl::StatusOr<Bytes> OuterStateOf(const Task& task) const;

  BlobStore* const blobs_;
  const std::filesystem::path outer_folder_;
  const Confirm confirm_;
  BoundedQueue<Task> queue_{kAggregatorQueueMax};
  std::thread thread_;
  std::mutex pause_mutex_;
  std::condition_variable pause_;  // Between a failure and the next try; woken by Stop.
};

}  // namespace tessera::coordinator
