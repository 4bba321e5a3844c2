// Decoding of little-endian blobs from strangers.
#pragma once

#include <cmath>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "base/bytes.h"

namespace tessera {

// Reads a blob field by field and remembers the first error; from then on every read gives zeros,
// so that a decoder is a plain list of its fields and asks once, at the end. Every error is
// InvalidArgument and names blob and field.
class BlobReader {
 public:
  // `blob` is the word for the whole in messages: "model".
  BlobReader(ByteView bytes, std::string_view blob) : reader_(bytes), blob_(blob) {}

  void Magic(std::string_view magic) {
    if (AsText(Raw(magic.size(), "magic")) != magic) Fail("wrong magic");
  }

  template <class T>
  T Le(std::string_view field) {
    absl::StatusOr<T> value = reader_.Le<T>(field);
    if (!value.ok()) Fail(std::string(value.status().message()));
    return ok() ? *value : T{};
  }

  // A field that can have only one value.
  template <class T>
  void Constant(std::string_view field, T expected) {
    const T value = Le<T>(field);
    if (value != expected) {
      Fail(std::string(field) + " is " + std::to_string(value) + ", must be " +
           std::to_string(expected));
    }
  }

  // A view of `count` bytes; empty after an error.
  ByteView Raw(uint64_t count, std::string_view field) {
    absl::StatusOr<ByteView> bytes = reader_.Raw(count, field);
    if (!bytes.ok()) Fail(std::string(bytes.status().message()));
    return ok() ? *bytes : ByteView();
  }

  template <class Fixed>
  Fixed Array(std::string_view field) {
    Fixed value;
    const ByteView bytes = Raw(Fixed::kSize, field);
    if (!bytes.empty()) std::memcpy(value.data(), bytes.data(), Fixed::kSize);
    return value;
  }

  // `count` finite floats. Nothing is allocated for a count that the blob cannot hold.
  std::vector<float> Floats(uint64_t count, std::string_view field) {
    if (count > remaining() / sizeof(float)) {
      Fail("truncated while reading " + std::string(field));
      return {};
    }
    const ByteView bytes = Raw(count * sizeof(float), field);
    if (bytes.empty()) return {};
    std::vector<float> values(count);
    std::memcpy(values.data(), bytes.data(), bytes.size());
    for (float value : values) {
      if (!std::isfinite(value)) {
        Fail(std::string(field) + " hold a value that is not finite");
        return {};
      }
    }
    return values;
  }

  // Keeps the first error only.
  void Fail(std::string_view message) {
    if (ok())
      status_ = absl::InvalidArgumentError(std::string(blob_) + ": " + std::string(message));
  }

  size_t remaining() const { return reader_.remaining(); }
  bool ok() const { return status_.ok(); }

  // The first error; a byte that nobody read is one.
  absl::Status Finish() {
    if (remaining() != 0) Fail(std::to_string(remaining()) + " bytes too many");
    return status_;
  }

 private:
  ByteReader reader_;
  std::string_view blob_;
  absl::Status status_;
};

}  // namespace tessera
