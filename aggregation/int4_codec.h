// The canonical bytes of an update: docs/protocol.md, "Files and blobs", codec 1.
//
// Stochastic rounding to 15 levels a block of 64 elements: E[decoded] = x up to fp32 rounding of
// the scale and of one sum (QSGD: Alistarh, Grubic, Li, Tomioka, Vojnovic, 2017, with the maximum
// norm). 4.5 bits an element.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::aggregation {

inline constexpr size_t kUpdateHeaderBytes = 16;
inline constexpr size_t kUpdateBlockElements = 64;
inline constexpr size_t kUpdateBlockBytes = 36;

// The length of the encoding of an update of `dimension` floats.
constexpr uint64_t UpdateBytesSize(uint64_t dimension) {
  const uint64_t blocks =
      dimension / kUpdateBlockElements + (dimension % kUpdateBlockElements != 0 ? 1 : 0);
  return kUpdateHeaderBytes + blocks * kUpdateBlockBytes;
}

// Quantises `delta` with the Philox key `key`: equal inputs give equal bytes on every machine.
// InvalidArgument if delta is empty, or not finite, naming the first such index.
absl::StatusOr<Bytes> EncodeUpdate(std::span<const float> delta, uint64_t key);

// OK if `bytes` are an encoding that protocol.md allows, of exactly `dimension` elements. Otherwise
// InvalidArgument, and the message says which rule is broken and where. Any bytes are safe to pass;
// O(dimension) time, no allocation.
absl::Status ValidateUpdate(ByteView bytes, uint64_t dimension);

// The `dimension` values of an encoding, all finite. Errors as ValidateUpdate; allocates only after
// the length matched.
absl::StatusOr<std::vector<float>> DecodeUpdate(ByteView bytes, uint64_t dimension);

}  // namespace tessera::aggregation
