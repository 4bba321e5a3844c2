// Recursive length prefix (Ethereum Yellow Paper, appendix B): the byte form of transactions and
// block headers. https://ethereum.org/en/developers/docs/data-structures-and-encoding/rlp
#pragma once

#include <vector>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::chain {

// One string item: a single byte below 0x80 stands for itself, anything else gets a length prefix.
Bytes EncodeRlpString(ByteView bytes);

// One integer item: big-endian without leading zeros; zero is the empty string.
Bytes EncodeRlpInteger(absl::uint128 value);

// Collects the items of one list in order.
//   Bytes header = RlpList().String(parent_hash.view()).Integer(number).Encode();
class RlpList {
 public:
  RlpList& String(ByteView bytes);
  RlpList& Integer(absl::uint128 value);
  RlpList& List(const RlpList& items);

  // The list with its own prefix. The builder stays usable.
  Bytes Encode() const;

 private:
  Bytes payload_;
};

// Bounds of DecodeRlp, far above anything Ethereum puts in a transaction or header.
inline constexpr size_t kRlpBytesMax = size_t{1} << 20;
inline constexpr int kRlpDepthMax = 16;

// One decoded item. Views the decoded bytes, which must outlive it.
struct RlpItem {
  enum class Kind { kString, kList };

  Kind kind = Kind::kString;
  ByteView content;            // The bytes after the prefix.
  std::vector<RlpItem> items;  // Of a list, in order.

  // The canonical integer in a string item. InvalidArgument for a list or a leading zero byte;
  // OutOfRange above 2^128 - 1.
  absl::StatusOr<absl::uint128> Integer() const;
};

// Decodes exactly one item that fills `encoding`. InvalidArgument for truncation, trailing bytes, a
// length that is not in its shortest form, or nesting deeper than kRlpDepthMax; ResourceExhausted
// above kRlpBytesMax. Linear in the length; safe on hostile bytes.
absl::StatusOr<RlpItem> DecodeRlp(ByteView encoding);

}  // namespace tessera::chain
