// Byte strings, hexadecimal text, and bounds-checked reading and writing of fixed-width integers.
#pragma once

#include <array>
#include <bit>
#include <compare>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"

namespace tessera {

using Bytes = std::vector<uint8_t>;
using ByteView = std::span<const uint8_t>;

static_assert(std::endian::native == std::endian::little, "blobs are written as little-endian");

// "0x" and two lower-case digits a byte.
std::string ToHex(ByteView bytes);

// Accepts an optional "0x" and an even number of digits of either case. InvalidArgument otherwise.
absl::StatusOr<Bytes> ParseHex(std::string_view text);

// Views the characters of a string as bytes. The string must outlive the view.
inline ByteView AsBytes(std::string_view text) {
  return {reinterpret_cast<const uint8_t*>(text.data()), text.size()};
}
inline std::string_view AsText(ByteView bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// A byte array of one length and one meaning: FixedBytes<A, N> and FixedBytes<B, N> do not mix.
template <class Tag, size_t N>
class FixedBytes {
 public:
  static constexpr size_t kSize = N;

  constexpr FixedBytes() = default;
  explicit constexpr FixedBytes(const std::array<uint8_t, N>& bytes) : bytes_(bytes) {}

  // InvalidArgument unless `bytes` holds exactly N bytes.
  static absl::StatusOr<FixedBytes> FromBytes(ByteView bytes) {
    if (bytes.size() != N) {
      return absl::InvalidArgumentError("expected " + std::to_string(N) + " bytes, got " +
                                        std::to_string(bytes.size()));
    }
    FixedBytes result;
    std::memcpy(result.bytes_.data(), bytes.data(), N);
    return result;
  }
  static absl::StatusOr<FixedBytes> FromHex(std::string_view text) {
    absl::StatusOr<Bytes> bytes = ParseHex(text);
    if (!bytes.ok()) return bytes.status();
    return FromBytes(*bytes);
  }

  const uint8_t* data() const { return bytes_.data(); }
  uint8_t* data() { return bytes_.data(); }
  static constexpr size_t size() { return N; }
  ByteView view() const { return bytes_; }
  std::string hex() const { return ToHex(bytes_); }
  // "0x12345678", for logs and tables.
  std::string short_hex() const { return ToHex(ByteView(bytes_).first(N < 4 ? N : 4)); }
  bool is_zero() const { return *this == FixedBytes{}; }

  friend auto operator<=>(const FixedBytes&, const FixedBytes&) = default;
  template <class H>
  friend H AbslHashValue(H h, const FixedBytes& value) {
    return H::combine(std::move(h), value.bytes_);
  }

 private:
  std::array<uint8_t, N> bytes_{};
};

using Digest = FixedBytes<struct DigestTag, 32>;    // A SHA-256 or keccak-256 value.
using Address = FixedBytes<struct AddressTag, 20>;  // An EVM account.

// Appends values to a byte string. Le and Be name the byte order.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& Le(T value) {
    static_assert(std::is_arithmetic_v<T>);
    const auto* raw = reinterpret_cast<const uint8_t*>(&value);
    bytes_.insert(bytes_.end(), raw, raw + sizeof(T));
    return *this;
  }
  template <class T>
  ByteWriter& Be(T value) {
    static_assert(std::is_unsigned_v<T>);
    for (size_t i = sizeof(T); i-- > 0;) bytes_.push_back(static_cast<uint8_t>(value >> (8 * i)));
    return *this;
  }
  ByteWriter& Raw(ByteView bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  // The characters and one zero byte: how protocol.md writes its domain tags.
  ByteWriter& Tag(std::string_view tag) {
    Raw(AsBytes(tag));
    bytes_.push_back(0);
    return *this;
  }
  const Bytes& bytes() const { return bytes_; }
  Bytes Take() && { return std::move(bytes_); }

 private:
  Bytes bytes_;
};

// Reads what ByteWriter wrote; every read past the end is OutOfRange and names what was being read.
class ByteReader {
 public:
  explicit ByteReader(ByteView bytes) : rest_(bytes) {}

  template <class T>
  absl::StatusOr<T> Le(std::string_view what) {
    static_assert(std::is_arithmetic_v<T>);
    absl::StatusOr<ByteView> raw = Raw(sizeof(T), what);
    if (!raw.ok()) return raw.status();
    T value;
    std::memcpy(&value, raw->data(), sizeof(T));
    return value;
  }
  // A view of the next `count` bytes.
  absl::StatusOr<ByteView> Raw(size_t count, std::string_view what) {
    if (count > rest_.size()) {
      return absl::OutOfRangeError("truncated while reading " + std::string(what));
    }
    ByteView taken = rest_.first(count);
    rest_ = rest_.subspan(count);
    return taken;
  }
  size_t remaining() const { return rest_.size(); }

 private:
  ByteView rest_;
};

}  // namespace tessera
