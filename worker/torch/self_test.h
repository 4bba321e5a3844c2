// What a worker checks about its engine before it joins: that it computes, what bits it computes,
// and how fast.
#pragma once

#include "protocol/ids.h"
#include "worker/core/trainer.h"
#include "worker/torch/device.h"

namespace tessera::worker {

// Trains every model family for a few steps on made-up samples, from fixed seeds. SHA-256 over the
// root of every state: engines with different digests have different bits. Internal, with the
// reason, if the engine fails or does not repeat its own bits.
absl::StatusOr<Digest> RunSelfTest(const Device& device);

// The fingerprint of libtorch in this process: EngineFingerprint over its version, the environment
// and RunSelfTest.
absl::StatusOr<Digest> TorchFingerprint(EngineClass engine_class, const Device& device);

// Training speed, in samples per second, of `family` with batches of `batch_size` (1..4096), over
// about `duration_ms`.
absl::StatusOr<double> MeasureSamplesPerSecond(ModelFamily family, const Device& device,
                                               uint32_t batch_size, int64_t duration_ms);

}  // namespace tessera::worker
