#include "chain/revert.h"

#include "base/status_macros.h"
#include "chain/abi_type.h"

namespace tessera::chain {
namespace {

constexpr char kRevertPayload[] = "tessera.chain/revert-data";
constexpr size_t kPrintableMax = 200;

// One word in the notation of its type; anything unusual in hexadecimal.
std::string DescribeWord(std::string_view type, const Digest& word) {
  AbiReader reader(word.view());
  if (type == "address") {
    if (const absl::StatusOr<Address> address = reader.Addr(type); address.ok()) {
      return address->hex();
    }
  } else if (type.starts_with("uint")) {
    if (const absl::StatusOr<uint64_t> value = reader.Uint64(type); value.ok()) {
      return std::to_string(*value);
    }
  } else if (type == "bool") {
    if (const absl::StatusOr<bool> value = reader.Bool(type); value.ok()) {
      return *value ? "true" : "false";
    }
  }
  return word.hex();
}

// The arguments of a custom error, without its parentheses; stops at the first that is not one
// word.
std::string DescribeArguments(std::string_view signature, ByteView arguments) {
  const absl::StatusOr<std::vector<std::string>> types = ParameterTypes(signature);
  if (!types.ok()) return "";
  AbiReader reader(arguments);
  std::string text;
  for (const std::string& type : *types) {
    const absl::StatusOr<AbiShape> shape = ShapeOf(type);
    const absl::StatusOr<Digest> word = reader.Word(type);
    if (!text.empty()) text += ", ";
    if (!shape.ok() || shape->is_dynamic || shape->head_words != 1 || !word.ok()) {
      return text + "...";
    }
    text += DescribeWord(type, *word);
  }
  return text;
}

}  // namespace

RevertDecoder::RevertDecoder(std::span<const std::string> error_signatures) {
  for (const std::string& signature : error_signatures) {
    signatures_.emplace(SelectorOf(signature), signature);
  }
}

std::string RevertDecoder::Describe(ByteView revert_data) const {
  static const Selector kError = SelectorOf("Error(string)");
  static const Selector kPanic = SelectorOf("Panic(uint256)");
  if (revert_data.size() < Selector::kSize) return "reverted without a reason";
  const Selector selector = *Selector::FromBytes(revert_data.first(Selector::kSize));
  const ByteView arguments = revert_data.subspan(Selector::kSize);
  AbiReader reader(arguments);
  if (selector == kError) {
    const absl::StatusOr<Bytes> reason = reader.DynamicBytes("reason");
    return "Error: " + (reason.ok() ? Printable(AsText(*reason)) : "malformed");
  }
  if (selector == kPanic) {
    const absl::StatusOr<uint8_t> code = reader.Uint8("panic code");
    return "Panic(" + (code.ok() ? ToHex(ByteView(&*code, 1)) : "malformed") + ")";
  }
  if (const auto known = signatures_.find(selector); known != signatures_.end()) {
    const std::string& signature = known->second;
    return signature.substr(0, signature.find('(')) + "(" +
           DescribeArguments(signature, arguments) + ")";
  }
  return "custom error " + selector.hex() + " with " + std::to_string(arguments.size()) +
         " bytes of arguments";
}

absl::Status RevertStatus(std::string_view message, ByteView revert_data) {
  absl::Status status = absl::FailedPreconditionError(std::string(message));
  status.SetPayload(kRevertPayload, absl::Cord(std::string(AsText(revert_data))));
  return status;
}

std::optional<Bytes> RevertDataOf(const absl::Status& status) {
  const auto payload = status.GetPayload(kRevertPayload);
  if (!payload.has_value()) return std::nullopt;
  const std::string text(*payload);
  const ByteView bytes = AsBytes(text);
  return Bytes(bytes.begin(), bytes.end());
}

bool IsRevert(const absl::Status& status, std::string_view signature) {
  const std::optional<Bytes> data = RevertDataOf(status);
  if (!data || data->size() < Selector::kSize) return false;
  return *Selector::FromBytes(ByteView(*data).first(Selector::kSize)) == SelectorOf(signature);
}

std::string Printable(std::string_view text) {
  std::string clean;
  for (char c : text.substr(0, kPrintableMax)) clean.push_back(c >= ' ' && c <= '~' ? c : '?');
  if (text.size() > kPrintableMax) clean += "...";
  return clean;
}

}  // namespace tessera::chain
