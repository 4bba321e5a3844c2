// Solidity's abi.encode of static values: one 32-byte word each, in order.
#pragma once

#include <cassert>
#include <string_view>

#include "base/bytes.h"
#include "base/hash.h"

namespace tessera {

// Builds the argument of a keccak256(abi.encode(...)).
class AbiWords {
 public:
  // Any unsigned Solidity integer.
  AbiWords& Uint(uint64_t value) {
    Zeros(24);
    writer_.Be(value);
    return *this;
  }
  AbiWords& Account(const Address& value) {
    Zeros(12);
    writer_.Raw(value.view());
    return *this;
  }
  // bytes32 under any of its names.
  template <class Tag>
  AbiWords& Word(const FixedBytes<Tag, 32>& value) {
    writer_.Raw(value.view());
    return *this;
  }
  // A bytes32 literal: at most 32 characters, zeros after them.
  AbiWords& Ascii(std::string_view text) {
    assert(text.size() <= 32);
    writer_.Raw(AsBytes(text));
    Zeros(32 - text.size());
    return *this;
  }
  Digest Keccak() const { return Keccak256(writer_.bytes()); }

 private:
  void Zeros(size_t count) {
    static constexpr std::array<uint8_t, 32> kZeros{};
    writer_.Raw(ByteView(kZeros).first(count));
  }

  ByteWriter writer_;
};

}  // namespace tessera
