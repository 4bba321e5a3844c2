#include "protocol/shard_plan.h"

#include <cassert>

#include "base/hash.h"
#include "base/random.h"

namespace tessera {
namespace {

// The draw of one worker in one round for one purpose.
Digest Draw(std::string_view tag, const JobId& job, RoundId round, const WorkerId& worker) {
  return Sha256(ByteWriter().Tag(tag).Raw(job.view()).Be(round).Raw(worker.view()).bytes());
}

// Two little-endian 32-bit words, the low one first: one little-endian 64-bit word.
uint64_t PhiloxKey(const Digest& draw) {
  uint64_t key;
  std::memcpy(&key, draw.data(), sizeof(key));
  return key;
}

}  // namespace

uint32_t AssignedShard(const JobId& job, RoundId round, const WorkerId& worker,
                       uint32_t train_shards) {
  assert(train_shards >= 1);
  const Digest draw = Draw("tessera/v1/shard", job, round, worker);
  uint64_t value = 0;
  for (uint8_t byte : draw.view().first(8)) value = value << 8 | byte;
  return static_cast<uint32_t>(value % train_shards);
}

std::vector<uint32_t> BatchIndices(const JobId& job, RoundId round, const WorkerId& worker,
                                   uint64_t step, uint32_t batch_size, uint32_t samples) {
  assert(samples >= 1);
  const Philox4x32 random(PhiloxKey(Draw("tessera/v1/batch", job, round, worker)));
  std::vector<uint32_t> indices(batch_size);
  for (uint32_t b = 0; b < batch_size; ++b) {
    const uint64_t word = random.Word(step * batch_size + b);
    indices[b] = static_cast<uint32_t>(word * samples >> 32);
  }
  return indices;
}

uint64_t QuantisationKey(const JobId& job, RoundId round, const WorkerId& worker) {
  return PhiloxKey(Draw("tessera/v1/quantise", job, round, worker));
}

}  // namespace tessera
