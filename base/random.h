// Counter-based random numbers that are the same on every machine, and the operating system's entropy.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.h"

namespace tessera {

// Philox4x32-10 (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011).
// A pure function of key and counter: any element of the stream in any order.
class Philox4x32 {
 public:
  explicit constexpr Philox4x32(uint64_t key)
      : key0_(static_cast<uint32_t>(key)), key1_(static_cast<uint32_t>(key >> 32)) {}

  // The four words of counter block `block`.
  std::array<uint32_t, 4> Block(uint64_t block) const;
  // Word `index` of the stream: lane index mod 4 of block index div 4.
  uint32_t Word(uint64_t index) const { return Block(index / 4)[index % 4]; }

 private:
  uint32_t key0_;
  uint32_t key1_;
};

// Fills `out` from the operating system's entropy source.
void FillSecureRandom(std::span<uint8_t> out);

}  // namespace tessera
