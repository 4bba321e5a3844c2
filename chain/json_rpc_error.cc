#include "chain/json_rpc_error.h"

#include <nlohmann/json.hpp>

#include "absl/strings/ascii.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

// Codes of EIP-1474 (https://eips.ethereum.org/EIPS/eip-1474), and geth's 3 for a revert.
constexpr int64_t kReverted = 3;
constexpr int64_t kLimitExceeded = -32005;
constexpr int64_t kMethodNotFound = -32601;
constexpr int64_t kInvalidRequest = -32600;
constexpr int64_t kInvalidParams = -32602;

// Nodes agree on few codes for a refused transaction, but on these words.
struct Wording {
  std::string_view fragment;
  absl::StatusCode code;
};
constexpr Wording kWordings[] = {
    {"already known", absl::StatusCode::kAlreadyExists},
    {"alreadyknown", absl::StatusCode::kAlreadyExists},
    {"already imported", absl::StatusCode::kAlreadyExists},
    {"known transaction", absl::StatusCode::kAlreadyExists},
    {"nonce too low", absl::StatusCode::kAborted},
    {"oldnonce", absl::StatusCode::kAborted},
    {"underpriced", absl::StatusCode::kOutOfRange},
    {"feetoolow", absl::StatusCode::kOutOfRange},
    {"less than block base fee", absl::StatusCode::kOutOfRange},
    {"rate limit", absl::StatusCode::kUnavailable},
    {"too many requests", absl::StatusCode::kUnavailable},
};

// Geth and anvil put the revert data in "data"; some proxies nest it once more.
absl::StatusOr<Bytes> RevertDataIn(const Json& error) {
  const Json* data = &error;
  do {
    const auto inner = data->find("data");
    if (inner == data->end()) return absl::NotFoundError("no revert data");
    data = &*inner;
  } while (data->is_object());
  if (!data->is_string()) return absl::NotFoundError("no revert data");
  const std::string& text = data->get_ref<const std::string&>();
  if (!text.starts_with("0x")) return absl::NotFoundError("no revert data");
  return ParseHex(text);
}

}  // namespace

absl::Status StatusOfNodeError(const Json& error, const RevertDecoder& decoder) {
  const auto code_field = error.is_object() ? error.find("code") : error.end();
  const auto message_field = error.is_object() ? error.find("message") : error.end();
  if (!error.is_object() || code_field == error.end() || !code_field->is_number_integer() ||
      message_field == error.end() || !message_field->is_string()) {
    return absl::UnavailableError("malformed JSON-RPC error");
  }
  const int64_t code = code_field->get<int64_t>();
  const std::string& message = message_field->get_ref<const std::string&>();
  const std::string lowered = absl::AsciiStrToLower(message);
  const std::string shown = Printable(message) + " (code " + std::to_string(code) + ")";

  if (code == kReverted || lowered.find("revert") != std::string::npos) {
    if (const absl::StatusOr<Bytes> data = RevertDataIn(error); data.ok()) {
      return RevertStatus("reverted: " + decoder.Describe(*data), *data);
    }
    return absl::FailedPreconditionError(shown);
  }
  for (const Wording& wording : kWordings) {
    if (lowered.find(wording.fragment) != std::string::npos) {
      return absl::Status(wording.code, shown);
    }
  }
  switch (code) {
    case kLimitExceeded:
      return absl::UnavailableError(shown);
    case kMethodNotFound:
      return absl::UnimplementedError(shown);
    case kInvalidRequest:
    case kInvalidParams:
      return absl::InvalidArgumentError(shown);
    default:
      return absl::FailedPreconditionError(shown);
  }
}

}  // namespace tessera::chain
