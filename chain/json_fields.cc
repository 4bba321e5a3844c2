#include "chain/json_fields.h"

#include "base/status_macros.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

absl::Status BadField(std::string_view what, std::string_view why) {
  return absl::UnavailableError("node's " + std::string(what) + " " + std::string(why));
}

}  // namespace

std::string ToQuantity(absl::uint128 value) {
  static constexpr char kDigits[] = "0123456789abcdef";
  std::string digits;
  do {
    digits.insert(digits.begin(), kDigits[absl::Uint128Low64(value) & 15]);
    value >>= 4;
  } while (value != 0);
  return "0x" + digits;
}

absl::StatusOr<absl::uint128> QuantityOf(const Json& json, std::string_view what) {
  if (!json.is_string()) return BadField(what, "is not a string");
  std::string text = json.get<std::string>();
  if (!text.starts_with("0x") || text.size() < 3 || text.size() > 2 + 32) {
    return BadField(what, "is not a quantity below 2^128");
  }
  if (text.size() % 2 != 0) text.insert(2, "0");
  const absl::StatusOr<Bytes> bytes = ParseHex(text);
  if (!bytes.ok()) return BadField(what, "is not hexadecimal");
  absl::uint128 value = 0;
  for (uint8_t byte : *bytes) value = value << 8 | byte;
  return value;
}

absl::StatusOr<uint64_t> Uint64Of(const Json& json, std::string_view what) {
  ASSIGN_OR_RETURN(const absl::uint128 value, QuantityOf(json, what));
  if (absl::Uint128High64(value) != 0) return BadField(what, "is above 2^64 - 1");
  return absl::Uint128Low64(value);
}

absl::StatusOr<Bytes> DataOf(const Json& json, std::string_view what) {
  if (!json.is_string()) return BadField(what, "is not a string");
  const std::string& text = json.get_ref<const std::string&>();
  if (!text.starts_with("0x")) return BadField(what, "does not start with 0x");
  absl::StatusOr<Bytes> bytes = ParseHex(text);
  if (!bytes.ok()) return BadField(what, "is not hexadecimal");
  return bytes;
}

bool HasField(const Json& object, std::string_view key) {
  if (!object.is_object()) return false;
  const auto field = object.find(key);
  return field != object.end() && !field->is_null();
}

absl::StatusOr<const Json*> Field(const Json& object, std::string_view key) {
  if (!HasField(object, key)) return BadField(key, "is missing");
  return &*object.find(key);
}

absl::StatusOr<absl::uint128> QuantityField(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const Json* field, Field(object, key));
  return QuantityOf(*field, key);
}

absl::StatusOr<uint64_t> Uint64Field(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const Json* field, Field(object, key));
  return Uint64Of(*field, key);
}

absl::StatusOr<Bytes> DataField(const Json& object, std::string_view key) {
  ASSIGN_OR_RETURN(const Json* field, Field(object, key));
  return DataOf(*field, key);
}

}  // namespace tessera::chain
