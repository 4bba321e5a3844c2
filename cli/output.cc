#include "cli/output.h"

#include <iostream>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"

namespace tessera::cli {
namespace {

// Text from strangers may hold bytes that are no UTF-8: they are replaced, never a reason to fail.
std::string Dump(const Json& object) {
  return object.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace

ExitCode ExitCodeOf(const absl::Status& status) {
  switch (status.code()) {
    case absl::StatusCode::kOk:
      return ExitCode::kOk;
    case absl::StatusCode::kInvalidArgument:
    case absl::StatusCode::kOutOfRange:
      return ExitCode::kUsage;
    case absl::StatusCode::kNotFound:
      return ExitCode::kNotFound;
    case absl::StatusCode::kFailedPrecondition:
    case absl::StatusCode::kAlreadyExists:
    case absl::StatusCode::kAborted:
    case absl::StatusCode::kResourceExhausted:
      return ExitCode::kRefused;
    case absl::StatusCode::kUnavailable:
    case absl::StatusCode::kDeadlineExceeded:
      return ExitCode::kUnavailable;
    case absl::StatusCode::kPermissionDenied:
    case absl::StatusCode::kUnauthenticated:
      return ExitCode::kPermission;
    case absl::StatusCode::kDataLoss:
      return ExitCode::kVerification;
    default:
      return ExitCode::kInternal;
  }
}

std::string_view ExitCodeName(ExitCode code) {
  switch (code) {
    case ExitCode::kOk:
      return "ok";
    case ExitCode::kInternal:
      return "internal";
    case ExitCode::kUsage:
      return "usage";
    case ExitCode::kNotFound:
      return "not-found";
    case ExitCode::kRefused:
      return "refused";
    case ExitCode::kUnavailable:
      return "unavailable";
    case ExitCode::kPermission:
      return "permission";
    case ExitCode::kVerification:
      return "verification";
  }
  return "internal";
}

void Output::Answer(const Json& object, std::string_view text) const {
  if (is_json()) {
    std::cout << Dump(object) << std::endl;
  } else {
    std::cout << text << (text.ends_with('\n') ? "" : "\n") << std::flush;
  }
}

void Output::Progress(std::string_view text) const {
  if (!is_json()) std::cerr << text << std::endl;
}

void Output::Error(const absl::Status& status) const {
  if (is_json()) {
    const Json error = {{"code", ExitCodeName(ExitCodeOf(status))}, {"message", MessageOf(status)}};
    std::cerr << Dump(Json{{"error", error}}) << std::endl;
  } else {
    std::cerr << "tessera: " << MessageOf(status) << std::endl;
  }
}

}  // namespace tessera::cli
