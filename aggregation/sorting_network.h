// Batcher's odd-even merge sort (Batcher, 1968: "Sorting networks and their applications") for any
// number of wires.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace tessera::aggregation {

// Puts the smaller of two wires on `low`, the larger on `high`; low < high.
struct Comparator {
  uint16_t low;
  uint16_t high;
};

// The most wires that Comparator can name.
inline constexpr size_t kWiresMax = 65536;

// Writes the comparators that sort `wires` values ascending to `out`, in the depth-first order of
// the recursion, which keeps the working set small. Returns their number; a null `out` only counts.
class SortingNetwork {
 public:
  explicit constexpr SortingNetwork(size_t wires, Comparator* out) : wires_(wires), out_(out) {}

  constexpr size_t Build() {
    size_t width = 1;
    while (width < wires_) width *= 2;
    Sort(0, width);
    return count_;
  }

 private:
  // The network of the next power of two, less what touches a missing wire: such a wire would hold
  // +infinity and stay.
  constexpr void Emit(size_t low, size_t high) {
    if (high >= wires_) return;
    if (out_ != nullptr) {
      out_[count_].low = static_cast<uint16_t>(low);
      out_[count_].high = static_cast<uint16_t>(high);
    }
    ++count_;
  }
  constexpr void Merge(size_t begin, size_t length, size_t stride) {
    if (2 * stride >= length) {
      Emit(begin, begin + stride);
      return;
    }
    Merge(begin, length, 2 * stride);
    Merge(begin + stride, length, 2 * stride);
    for (size_t i = begin + stride; i + stride < begin + length; i += 2 * stride)
      Emit(i, i + stride);
  }
  constexpr void Sort(size_t begin, size_t length) {
    if (length < 2 || begin >= wires_) return;
    Sort(begin, length / 2);
    Sort(begin + length / 2, length / 2);
    Merge(begin, length, 1);
  }

  size_t wires_;
  Comparator* out_;
  size_t count_ = 0;
};

// The comparators that leave the values of rank [trim, wires - trim) sorted on their wires; those
// that only order values outside that range are dropped. Needs wires <= kWiresMax and 2 * trim <
// wires.
std::vector<Comparator> SelectionNetwork(size_t wires, size_t trim);

}  // namespace tessera::aggregation
