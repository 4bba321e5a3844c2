#include "chain/json_rpc.h"

#include <curl/curl.h>

#include <mutex>
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "chain/json_rpc_error.h"

namespace tessera::chain {
namespace {

using Json = nlohmann::json;

// Answers nest a few levels; a parser that follows a hostile million would use gigabytes.
constexpr int kJsonDepthMax = 32;
// Connections kept for reuse; more may be open while calls run.
constexpr size_t kIdleConnectionsMax = 16;

struct EasyDeleter {
  void operator()(CURL* handle) const { curl_easy_cleanup(handle); }
};
struct ListDeleter {
  void operator()(curl_slist* list) const { curl_slist_free_all(list); }
};
using Connection = std::unique_ptr<CURL, EasyDeleter>;
using HeaderList = std::unique_ptr<curl_slist, ListDeleter>;

// "https://host:port", without the path, query and credentials of a URL.
std::string HostOf(std::string_view url) {
  const size_t scheme = url.find("://");
  const size_t start = scheme == std::string_view::npos ? 0 : scheme + 3;
  std::string_view host = url.substr(start, url.find_first_of("/?#", start) - start);
  if (const size_t at = host.rfind('@'); at != std::string_view::npos) host.remove_prefix(at + 1);
  return std::string(url.substr(0, start)) + std::string(host);
}

// Collects a body up to a bound.
struct Body {
  std::string text;
  size_t bytes_max;
  bool is_too_long = false;
};

size_t AppendToBody(char* data, size_t /*always 1*/, size_t count, void* target) {
  auto* body = static_cast<Body*>(target);
  if (count > body->bytes_max - body->text.size()) {
    body->is_too_long = true;
    return 0;  // Tells curl to give up.
  }
  body->text.append(data, count);
  return count;
}

// Scans without recursion or allocation.
bool NestsTooDeeply(std::string_view json) {
  int depth = 0;
  bool in_string = false;
  for (size_t i = 0; i < json.size(); ++i) {
    const char c = json[i];
    if (in_string) {
      if (c == '\\') ++i;
      if (c == '"') in_string = false;
    } else if (c == '"') {
      in_string = true;
    } else if (c == '[' || c == '{') {
      if (++depth > kJsonDepthMax) return true;
    } else if (c == ']' || c == '}') {
      --depth;
    }
  }
  return false;
}

// The response object to request `id`, with its envelope checked.
absl::StatusOr<Json> ParseEnvelope(std::string_view text, uint64_t id) {
  if (NestsTooDeeply(text)) return absl::UnavailableError("answer nests too deeply");
  Json response = Json::parse(text, nullptr, /*allow_exceptions=*/false);
  if (response.is_discarded()) return absl::UnavailableError("answer is not JSON");
  if (!response.is_object()) return absl::UnavailableError("answer is not an object");
  const auto found_id = response.find("id");
  if (found_id == response.end() || *found_id != id) {
    return absl::UnavailableError("answer carries another request's id");
  }
  return response;
}

// True unless `status` settles the call, for good or for bad.
bool CallsForAnotherNode(const absl::Status& status) {
  return absl::IsUnavailable(status) || absl::IsResourceExhausted(status);
}

// "method: " before the message; unlike Annotate, keeps the revert data.
absl::Status WithPrefix(const absl::Status& status, std::string_view method) {
  absl::Status prefixed = Annotate(status, method);
  status.ForEachPayload(
      [&](absl::string_view key, const absl::Cord& value) { prefixed.SetPayload(key, value); });
  return prefixed;
}

}  // namespace

// The idle connections.
class JsonRpc::Connections {
 public:
  Connections() {
    static std::once_flag initialised;
    std::call_once(initialised, [] { curl_global_init(CURL_GLOBAL_DEFAULT); });
  }

  Connection Take() {
    {
      std::lock_guard lock(mutex_);
      if (!idle_.empty()) {
        Connection connection = std::move(idle_.back());
        idle_.pop_back();
        return connection;
      }
    }
    return Connection(curl_easy_init());
  }

  void Return(Connection connection) {
    std::lock_guard lock(mutex_);
    if (idle_.size() < kIdleConnectionsMax) idle_.push_back(std::move(connection));
  }

  // The body of a POST of `request`. Unavailable for every failure but ResourceExhausted for
  // length.
  absl::StatusOr<std::string> Post(const std::string& url, const std::string& request,
                                   const JsonRpcOptions& options) {
    const HeaderList headers(curl_slist_append(nullptr, "Content-Type: application/json"));
    Connection connection = Take();
    CURL* curl = connection.get();
    if (curl == nullptr || headers == nullptr) return absl::InternalError("libcurl: no memory");
    Body body{.text = {}, .bytes_max = options.response_bytes_max};
    curl_easy_reset(curl);
    curl_easy_setopt(curl, CURLOPT_URL, url.c_str());
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, static_cast<long>(options.timeout_ms));
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(options.connect_timeout_ms));
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers.get());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, request.c_str());
    curl_easy_setopt(curl, CURLOPT_POSTFIELDSIZE_LARGE, static_cast<curl_off_t>(request.size()));
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, &AppendToBody);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, &body);
    const CURLcode code = curl_easy_perform(curl);
    long http_status = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &http_status);
    if (body.is_too_long) {
      return absl::ResourceExhaustedError("answer is longer than " +
                                          std::to_string(options.response_bytes_max) + " bytes");
    }
    if (code != CURLE_OK) return absl::UnavailableError(curl_easy_strerror(code));
    Return(std::move(connection));
    if (http_status != 200) {
      return absl::UnavailableError("HTTP status " + std::to_string(http_status));
    }
    return std::move(body.text);
  }

 private:
  std::mutex mutex_;
  std::vector<Connection> idle_;  // Guarded by mutex_.
};

JsonRpc::JsonRpc(JsonRpcOptions options)
    : options_(std::move(options)),
      revert_decoder_(options_.error_signatures),
      connections_(std::make_unique<Connections>()) {}

JsonRpc::~JsonRpc() = default;

void JsonRpc::PreferNextUrl() { preferred_url_.fetch_add(1); }

absl::StatusOr<Json> JsonRpc::Call(std::string_view method, const Json& params) {
  if (options_.urls.empty()) return absl::UnavailableError("no URL of a node is configured");
  const uint64_t id = next_id_.fetch_add(1);
  const Json call = {{"jsonrpc", "2.0"}, {"id", id}, {"method", method}, {"params", params}};
  const std::string request = call.dump();
  const size_t first = preferred_url_.load();
  absl::Status failure = absl::OkStatus();
  for (size_t i = 0; i < options_.urls.size(); ++i) {
    const std::string& url = options_.urls[(first + i) % options_.urls.size()];
    absl::StatusOr<Json> result = CallUrl(url, id, request);
    if (!CallsForAnotherNode(result.status())) {
      if (i != 0) preferred_url_.store(first + i);
      if (result.ok()) return result;
      return WithPrefix(result.status(), method);
    }
    const std::string earlier = failure.ok() ? "" : std::string(failure.message()) + "; ";
    failure = absl::Status(result.status().code(),
                           earlier + HostOf(url) + ": " + std::string(result.status().message()));
  }
  return Annotate(failure, method);
}

// One exchange with one node.
absl::StatusOr<Json> JsonRpc::CallUrl(const std::string& url, uint64_t id,
                                      const std::string& request) {
  ASSIGN_OR_RETURN(const std::string body, connections_->Post(url, request, options_));
  ASSIGN_OR_RETURN(Json response, ParseEnvelope(body, id));
  const auto error = response.find("error");
  if (error != response.end() && !error->is_null()) {
    return StatusOfNodeError(*error, revert_decoder_);
  }
  const auto result = response.find("result");
  if (result == response.end()) {
    return absl::UnavailableError("answer has neither result nor error");
  }
  return std::move(*result);
}

}  // namespace tessera::chain
