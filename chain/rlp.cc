#include "chain/rlp.h"

#include <string>

#include "base/status_macros.h"

namespace tessera::chain {
namespace {

constexpr uint8_t kStringBase = 0x80;
constexpr uint8_t kListBase = 0xc0;
constexpr size_t kShortLengthMax = 55;

void Append(ByteView bytes, Bytes& out) { out.insert(out.end(), bytes.begin(), bytes.end()); }

// Big-endian without leading zeros.
Bytes Trimmed(absl::uint128 value) {
  Bytes bytes;
  for (int shift = 120; shift >= 0; shift -= 8) {
    const auto byte = static_cast<uint8_t>(absl::Uint128Low64(value >> shift) & 0xff);
    if (byte != 0 || !bytes.empty()) bytes.push_back(byte);
  }
  return bytes;
}

void AppendPrefix(uint8_t base, size_t length, Bytes& out) {
  if (length <= kShortLengthMax) {
    out.push_back(static_cast<uint8_t>(base + length));
    return;
  }
  const Bytes size = Trimmed(length);
  out.push_back(static_cast<uint8_t>(base + kShortLengthMax + size.size()));
  Append(size, out);
}

void AppendString(ByteView bytes, Bytes& out) {
  const bool is_own_encoding = bytes.size() == 1 && bytes[0] < kStringBase;
  if (!is_own_encoding) AppendPrefix(kStringBase, bytes.size(), out);
  Append(bytes, out);
}

absl::Status Malformed(std::string_view what) {
  return absl::InvalidArgumentError("rlp: " + std::string(what));
}

// The length of an item whose first byte was `base` + `marker`; consumes a long length from `rest`.
absl::StatusOr<size_t> TakeLength(size_t marker, ByteView& rest) {
  if (marker <= kShortLengthMax) return marker;
  const size_t width = marker - kShortLengthMax;  // 1..8
  if (rest.size() < width) return Malformed("truncated length");
  if (rest[0] == 0) return Malformed("length with a leading zero");
  uint64_t length = 0;
  for (size_t i = 0; i < width; ++i) length = length << 8 | rest[i];
  if (length <= kShortLengthMax) return Malformed("long form of a short length");
  rest = rest.subspan(width);
  return length;
}

// Decodes the item at the front of `rest` and consumes it.
absl::StatusOr<RlpItem> TakeItem(ByteView& rest, int depth) {
  if (rest.empty()) return Malformed("truncated");
  const uint8_t first = rest[0];
  RlpItem item;
  if (first < kStringBase) {
    item.content = rest.first(1);
    rest = rest.subspan(1);
    return item;
  }
  rest = rest.subspan(1);
  item.kind = first < kListBase ? RlpItem::Kind::kString : RlpItem::Kind::kList;
  const uint8_t base = first < kListBase ? kStringBase : kListBase;
  ASSIGN_OR_RETURN(const size_t length, TakeLength(size_t{first} - base, rest));
  if (length > rest.size()) return Malformed("content is shorter than its length");
  item.content = rest.first(length);
  rest = rest.subspan(length);
  if (item.kind == RlpItem::Kind::kString) {
    if (length == 1 && item.content[0] < kStringBase) return Malformed("prefix on a single byte");
    return item;
  }
  if (depth == kRlpDepthMax) return Malformed("nested too deeply");
  for (ByteView inner = item.content; !inner.empty();) {
    ASSIGN_OR_RETURN(RlpItem child, TakeItem(inner, depth + 1));
    item.items.push_back(std::move(child));
  }
  return item;
}

}  // namespace

Bytes EncodeRlpString(ByteView bytes) {
  Bytes out;
  AppendString(bytes, out);
  return out;
}

Bytes EncodeRlpInteger(absl::uint128 value) { return EncodeRlpString(Trimmed(value)); }

RlpList& RlpList::String(ByteView bytes) {
  AppendString(bytes, payload_);
  return *this;
}

RlpList& RlpList::Integer(absl::uint128 value) { return String(Trimmed(value)); }

RlpList& RlpList::List(const RlpList& items) {
  Append(items.Encode(), payload_);
  return *this;
}

Bytes RlpList::Encode() const {
  Bytes out;
  AppendPrefix(kListBase, payload_.size(), out);
  Append(payload_, out);
  return out;
}

absl::StatusOr<absl::uint128> RlpItem::Integer() const {
  if (kind != Kind::kString) return Malformed("a list where an integer belongs");
  if (!content.empty() && content[0] == 0) return Malformed("integer with a leading zero");
  if (content.size() > 16) return absl::OutOfRangeError("rlp: integer above 128 bits");
  absl::uint128 value = 0;
  for (uint8_t byte : content) value = value << 8 | byte;
  return value;
}

absl::StatusOr<RlpItem> DecodeRlp(ByteView encoding) {
  if (encoding.size() > kRlpBytesMax) {
    return absl::ResourceExhaustedError("rlp: more than " + std::to_string(kRlpBytesMax) +
                                        " bytes");
  }
  ASSIGN_OR_RETURN(RlpItem item, TakeItem(encoding, 0));
  if (!encoding.empty()) return Malformed("trailing bytes");
  return item;
}

}  // namespace tessera::chain
