// Money: an unsigned integer number of the token's smallest unit, checked against overflow and debt.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera {

// At most 2^96 - 1, which is what the contracts store. Arithmetic outside the range is our own bug and ends the
// process; text and words from outside go through the checked factories.
class Wei {
 public:
  constexpr Wei() = default;
  explicit constexpr Wei(uint64_t wei) : value_(wei) {}
  // 2^96 - 1.
  static Wei Max();

  // A decimal integer number of wei ("1500"). InvalidArgument if not digits or above the maximum.
  static absl::StatusOr<Wei> ParseWei(std::string_view text);
  // Whole tokens with up to 18 decimals ("1.5"). InvalidArgument likewise.
  static absl::StatusOr<Wei> ParseTokens(std::string_view text);
  // A big-endian 32-byte EVM word. OutOfRange above the maximum.
  static absl::StatusOr<Wei> FromWord(const Digest& word);

  std::string ToString() const;       // "1500000000000000000"
  std::string ToTokenString() const;  // "1.5"
  Digest ToWord() const;              // Big-endian, 32 bytes.

  friend Wei operator+(Wei a, Wei b);
  friend Wei operator-(Wei a, Wei b);  // a >= b
  friend Wei operator*(Wei a, uint64_t factor);
  Wei& operator+=(Wei other) { return *this = *this + other; }
  Wei& operator-=(Wei other) { return *this = *this - other; }
  // floor(this / divisor), divisor > 0.
  Wei DividedBy(uint64_t divisor) const;
  friend constexpr auto operator<=>(const Wei&, const Wei&) = default;

 private:
  __extension__ using Uint128 = unsigned __int128;
  static Wei Checked(Uint128 value);
  Uint128 value_ = 0;
};

}  // namespace tessera
