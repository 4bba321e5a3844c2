#include "coordinator/store/event_codec.h"

#include <set>
#include <utility>

#include "base/status_macros.h"
#include "coordinator/store/event_json.h"

namespace tessera::coordinator {
namespace {

using event_json::FieldReader;
using event_json::Json;

// An empty body of the kind with this name. InvalidArgument for a name that is none.
template <size_t kIndex = 0>
absl::StatusOr<EventBody> MakeBody(std::string_view name) {
  if constexpr (kIndex == std::variant_size_v<EventBody>) {
    return absl::InvalidArgumentError("event: an unknown kind");
  } else {
    EventBody body(std::in_place_index<kIndex>);
    if (EventName(body) == name) return body;
    return MakeBody<kIndex + 1>(name);
  }
}

// Nothing for malformed JSON and for objects that repeat a key, of which the library would keep one
// in silence.
std::optional<Json> ParseUnambiguous(std::string_view text) {
  std::vector<std::set<std::string>> keys;  // Of the objects that are open.
  bool repeated = false;
  const auto watch = [&](int, Json::parse_event_t event, Json& parsed) {
    if (event == Json::parse_event_t::object_start) keys.emplace_back();
    if (event == Json::parse_event_t::object_end) keys.pop_back();
    if (event == Json::parse_event_t::key) {
      repeated |= !keys.back().insert(parsed.get<std::string>()).second;
    }
    return true;
  };
  Json json = Json::parse(text, watch, /*allow_exceptions=*/false);
  if (json.is_discarded() || repeated) return std::nullopt;
  return json;
}

}  // namespace

absl::StatusOr<std::string> EncodeEvent(const Event& event) {
  EventBody copy = event.body;
  absl::StatusOr<Json> body =
      std::visit([](auto& value) { return event_json::WriteStruct(value); }, copy);
  if (!body.ok()) return Annotate(body.status(), EventName(event.body));
  const Json json = {{"v", kEventFormatVersion},
                     {"job", event.job.hex()},
                     {"at_ms", event.at_ms},
                     {"event", std::string(EventName(event.body))},
                     {"body", *std::move(body)}};
  std::string text = json.dump();
  if (text.size() > kEventTextBytesMax) {
    return absl::InvalidArgumentError(std::string(EventName(event.body)) + ": " +
                                      std::to_string(text.size()) + " bytes of text, at most " +
                                      std::to_string(kEventTextBytesMax));
  }
  return text;
}

absl::StatusOr<Event> DecodeEvent(std::string_view text) {
  if (text.size() > kEventTextBytesMax) return absl::InvalidArgumentError("the text is too long");
  std::optional<Json> json = ParseUnambiguous(text);
  if (!json) return absl::InvalidArgumentError("not JSON, or an object repeats a key");
  if (!json->is_object() || json->size() != 5 || !json->contains("body")) {
    return absl::InvalidArgumentError("not an object of v, job, at_ms, event and body");
  }
  const Json body = std::move((*json)["body"]);
  json->erase("body");

  Event event;
  uint32_t version = 0;
  std::string name;
  FieldReader envelope(*json);
  envelope("v", version);
  envelope("job", event.job);
  envelope("at_ms", event.at_ms);
  envelope("event", name);
  RETURN_IF_ERROR(std::move(envelope).Finish());
  if (version != kEventFormatVersion) {
    return absl::InvalidArgumentError("version " + std::to_string(version) + " is unknown");
  }
  ASSIGN_OR_RETURN(event.body, MakeBody(name));
  const absl::Status read =
      std::visit([&](auto& value) { return event_json::ReadStruct(body, value); }, event.body);
  if (!read.ok()) return Annotate(read, name);
  return event;
}

}  // namespace tessera::coordinator
