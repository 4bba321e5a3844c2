// Hostile input for decoders: random changes of a valid encoding.
#pragma once

#include <random>

#include "base/bytes.h"
#include "base/hash.h"

namespace tessera {

inline uint8_t RandomByte(std::mt19937_64& random) { return static_cast<uint8_t>(random()); }

inline Bytes RandomBytes(std::mt19937_64& random, size_t size) {
  Bytes bytes(size);
  for (uint8_t& byte : bytes) byte = RandomByte(random);
  return bytes;
}

// One to three changes: a byte set, a bit flipped, the end cut off, bytes added, or eight bytes set
// to ones, which makes the largest counts.
inline Bytes Mutated(Bytes bytes, std::mt19937_64& random) {
  for (uint64_t changes = 1 + random() % 3; changes > 0; --changes) {
    const size_t place = bytes.empty() ? 0 : random() % bytes.size();
    switch (random() % 5) {
      case 0:
        if (!bytes.empty()) bytes[place] = RandomByte(random);
        break;
      case 1:
        if (!bytes.empty()) bytes[place] ^= static_cast<uint8_t>(1 << random() % 8);
        break;
      case 2:
        bytes.resize(place);
        break;
      case 3:
        bytes.insert(bytes.end(), 1 + random() % 40, RandomByte(random));
        break;
      default:
        for (size_t i = place; i < bytes.size() && i < place + 8; ++i) bytes[i] = 0xff;
    }
  }
  return bytes;
}

// A value that differs for every number, of any fixed size up to 32 bytes.
template <class Fixed>
Fixed Numbered(uint64_t number) {
  const Digest digest = Sha256(ByteWriter().Be(number).bytes());
  return Fixed::FromBytes(digest.view().first(Fixed::kSize)).value();
}

}  // namespace tessera
