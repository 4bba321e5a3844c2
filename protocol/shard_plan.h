// Which data a worker trains on; it cannot choose. docs/protocol.md, "Data assignment".
#pragma once

#include <vector>

#include "protocol/ids.h"

namespace tessera {

// In [0, train_shards). train_shards >= 1.
uint32_t AssignedShard(const JobId& job, RoundId round, const WorkerId& worker,
                       uint32_t train_shards);

// Indices in [0, samples) of the batch of local step `step` (0-based): (batch_size). samples >= 1.
std::vector<uint32_t> BatchIndices(const JobId& job, RoundId round, const WorkerId& worker,
                                   uint64_t step, uint32_t batch_size, uint32_t samples);

// The Philox key that seeds stochastic rounding of a worker's update in a round.
uint64_t QuantisationKey(const JobId& job, RoundId round, const WorkerId& worker);

}  // namespace tessera
