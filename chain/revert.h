// Why a contract refused a call: its revert data in words, and how it travels in an absl::Status.
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "base/bytes.h"
#include "chain/abi.h"

namespace tessera::chain {

// Knows custom errors by their signatures. Immutable, thread-safe.
class RevertDecoder {
 public:
  // `error_signatures` are canonical: "InsufficientStake(address,uint96)".
  explicit RevertDecoder(std::span<const std::string> error_signatures);

  // "InsufficientStake(0x1234..., 5)", "Error: the string of a require", "Panic(0x11)", or the
  // selector and length of an error that nobody registered. Total: hostile bytes give text too.
  std::string Describe(ByteView revert_data) const;

 private:
  std::map<Selector, std::string> signatures_;
};

// FailedPrecondition that carries `revert_data`, so that callers can match on the error's selector.
absl::Status RevertStatus(std::string_view message, ByteView revert_data);

// The revert data in a status made by RevertStatus; nothing in any other status.
std::optional<Bytes> RevertDataOf(const absl::Status& status);

// True if `status` is the custom error `signature`.
//   if (IsRevert(status, "AlreadySettled(uint256)")) ...
bool IsRevert(const absl::Status& status, std::string_view signature);

// Letters, digits and punctuation of text from outside, at most 200 characters, for messages.
std::string Printable(std::string_view text);

}  // namespace tessera::chain
