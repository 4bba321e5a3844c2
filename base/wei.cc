#include "base/wei.h"

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace tessera {
namespace {

__extension__ using Uint128 = unsigned __int128;
constexpr Uint128 kWeiMax = (static_cast<Uint128>(1) << 96) - 1;
constexpr int kDecimals = 18;

absl::StatusOr<Uint128> ParseDigits(std::string_view digits, std::string_view whole_text) {
  Uint128 value = 0;
  for (char c : digits) {
    if (c < '0' || c > '9') {
      return absl::InvalidArgumentError("not an amount: '" + std::string(whole_text) + "'");
    }
    value = value * 10 + static_cast<Uint128>(c - '0');
    if (value > kWeiMax) {
      return absl::InvalidArgumentError("amount too large: '" + std::string(whole_text) + "'");
    }
  }
  return value;
}

}  // namespace

Wei Wei::Checked(Uint128 value) {
  if (value > kWeiMax) {
    std::fputs("Wei arithmetic left its range\n", stderr);
    std::abort();
  }
  Wei result;
  result.value_ = value;
  return result;
}

Wei Wei::Max() { return Checked(kWeiMax); }

absl::StatusOr<Wei> Wei::ParseWei(std::string_view text) {
  if (text.empty()) return absl::InvalidArgumentError("empty amount");
  absl::StatusOr<Uint128> value = ParseDigits(text, text);
  if (!value.ok()) return value.status();
  return Checked(*value);
}

absl::StatusOr<Wei> Wei::ParseTokens(std::string_view text) {
  const size_t point = text.find('.');
  const std::string_view whole = text.substr(0, point);
  std::string fraction(point == std::string_view::npos ? "" : text.substr(point + 1));
  if ((whole.empty() && fraction.empty()) || fraction.size() > kDecimals) {
    return absl::InvalidArgumentError("not an amount with at most 18 decimals: '" +
                                      std::string(text) + "'");
  }
  fraction.resize(kDecimals, '0');
  absl::StatusOr<Uint128> value = ParseDigits(std::string(whole) + fraction, text);
  if (!value.ok()) return value.status();
  return Checked(*value);
}

absl::StatusOr<Wei> Wei::FromWord(const Digest& word) {
  Uint128 value = 0;
  for (size_t i = 0; i < word.size(); ++i) {
    if (i < 20 && word.data()[i] != 0) return absl::OutOfRangeError("amount above 2^96 - 1");
    value = value << 8 | word.data()[i];
  }
  return Checked(value);
}

std::string Wei::ToString() const {
  std::string digits;
  Uint128 rest = value_;
  do {
    digits.push_back(static_cast<char>('0' + static_cast<int>(rest % 10)));
    rest /= 10;
  } while (rest != 0);
  std::reverse(digits.begin(), digits.end());
  return digits;
}

std::string Wei::ToTokenString() const {
  std::string digits = ToString();
  if (digits.size() <= kDecimals) digits.insert(0, kDecimals + 1 - digits.size(), '0');
  digits.insert(digits.size() - kDecimals, ".");
  while (digits.back() == '0') digits.pop_back();
  if (digits.back() == '.') digits.pop_back();
  return digits;
}

Digest Wei::ToWord() const {
  Digest word;
  Uint128 rest = value_;
  for (size_t i = word.size(); i-- > 16; rest >>= 8) word.data()[i] = static_cast<uint8_t>(rest);
  return word;
}

Wei operator+(Wei a, Wei b) { return Wei::Checked(a.value_ + b.value_); }

Wei operator-(Wei a, Wei b) {
  // A debt wraps to a value far above the maximum, which Checked refuses.
  return Wei::Checked(a.value_ - b.value_);
}

Wei operator*(Wei a, uint64_t factor) {
  if (factor != 0 && a.value_ > kWeiMax / factor) return Wei::Checked(kWeiMax + 1);
  return Wei::Checked(a.value_ * factor);
}

Wei Wei::DividedBy(uint64_t divisor) const { return Checked(value_ / divisor); }

}  // namespace tessera
