// Typed fields out of a node's JSON. Private to chain/: pulls in the JSON library.
// Every error is Unavailable (the node is at fault, another may do better) and names the field.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "absl/numeric/int128.h"
#include "absl/status/statusor.h"
#include "base/bytes.h"

namespace tessera::chain {

// "0x1f". https://ethereum.org/en/developers/docs/apis/json-rpc/#quantities-encoding
std::string ToQuantity(absl::uint128 value);

// Unavailable unless `json` is a string "0x" with 1 to 32 digits.
absl::StatusOr<absl::uint128> QuantityOf(const nlohmann::json& json, std::string_view what);

// The same below 2^64.
absl::StatusOr<uint64_t> Uint64Of(const nlohmann::json& json, std::string_view what);

// Unavailable unless `json` is a string "0x" with an even number of digits.
absl::StatusOr<Bytes> DataOf(const nlohmann::json& json, std::string_view what);

// True if `object` has a member `key` that is not null.
bool HasField(const nlohmann::json& object, std::string_view key);

// Unavailable unless `object` is an object with a member `key` that is not null.
absl::StatusOr<const nlohmann::json*> Field(const nlohmann::json& object, std::string_view key);

absl::StatusOr<absl::uint128> QuantityField(const nlohmann::json& object, std::string_view key);
absl::StatusOr<uint64_t> Uint64Field(const nlohmann::json& object, std::string_view key);
absl::StatusOr<Bytes> DataField(const nlohmann::json& object, std::string_view key);

// T is Digest or Address.
template <class T>
absl::StatusOr<T> FixedOf(const nlohmann::json& json, std::string_view what) {
  absl::StatusOr<Bytes> data = DataOf(json, what);
  if (!data.ok()) return data.status();
  absl::StatusOr<T> value = T::FromBytes(*data);
  if (!value.ok()) {
    return absl::UnavailableError("node's " + std::string(what) + ": " +
                                  std::string(value.status().message()));
  }
  return value;
}

template <class T>
absl::StatusOr<T> FixedField(const nlohmann::json& object, std::string_view key) {
  absl::StatusOr<const nlohmann::json*> field = Field(object, key);
  if (!field.ok()) return field.status();
  return FixedOf<T>(**field, key);
}

}  // namespace tessera::chain
