// Canonical bytes of models, states, data shards and the data manifest. docs/protocol.md, "Files and blobs".
#pragma once

#include <vector>

#include "absl/status/statusor.h"
#include "protocol/ids.h"

namespace tessera {

// All decoders: InvalidArgument for a wrong magic, version, length, reserved field, NaN or infinity, naming which.

Bytes EncodeModel(std::span<const float> parameters);
absl::StatusOr<std::vector<float>> DecodeModel(ByteView bytes, uint64_t dimension);

// Parameters and momentum after `step` local steps.
struct TrainingState {
  uint64_t step = 0;
  std::vector<float> parameters;
  std::vector<float> momentum;  // As long as parameters.

  friend bool operator==(const TrainingState&, const TrainingState&) = default;
};
Bytes EncodeState(const TrainingState& state);
absl::StatusOr<TrainingState> DecodeState(ByteView bytes, uint64_t dimension);
// The root of EncodeState(state).
BlobRoot ComputeStateRoot(const TrainingState& state);

// Labelled 8-bit images.
struct DataShard {
  uint16_t classes = 0;         // At least 1, like samples and sample_bytes.
  uint32_t sample_bytes = 0;    // Pixels of one sample.
  std::vector<uint8_t> labels;  // (samples), each < classes
  std::vector<uint8_t> pixels;  // (samples, sample_bytes)

  size_t samples() const { return labels.size(); }
  friend bool operator==(const DataShard&, const DataShard&) = default;
};
Bytes EncodeShard(const DataShard& shard);
absl::StatusOr<DataShard> DecodeShard(ByteView bytes);

struct ShardEntry {
  BlobRoot root;
  uint64_t bytes = 0;
  friend bool operator==(const ShardEntry&, const ShardEntry&) = default;
};
struct DataManifest {
  std::vector<ShardEntry> train;  // 1..65,536
  std::vector<ShardEntry> test;   // 1..65,536
  friend bool operator==(const DataManifest&, const DataManifest&) = default;
};
Bytes EncodeManifest(const DataManifest& manifest);
absl::StatusOr<DataManifest> DecodeManifest(ByteView bytes);

}  // namespace tessera
