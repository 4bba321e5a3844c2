#include "proto/transport/request_metadata.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <charconv>
#include <string>

#include "base/hash.h"
#include "base/random.h"

namespace tessera {
namespace {

constexpr char kKey[] = "tessera-key-bin";
constexpr char kTime[] = "tessera-time-ms";
constexpr char kNonce[] = "tessera-nonce-bin";
constexpr char kSignature[] = "tessera-signature-bin";

absl::StatusOr<std::string_view> Entry(const grpc::ServerContext& context, const char* name) {
  const auto& metadata = context.client_metadata();
  const auto range = metadata.equal_range(name);
  if (range.first == range.second) {
    return absl::UnauthenticatedError(std::string("the request is not signed: no ") + name);
  }
  if (std::next(range.first) != range.second) {
    return absl::UnauthenticatedError(std::string(name) + " stands twice");
  }
  return std::string_view(range.first->second.data(), range.first->second.size());
}

template <class T>
absl::Status ReadFixed(const grpc::ServerContext& context, const char* name, T& value) {
  absl::StatusOr<std::string_view> text = Entry(context, name);
  if (!text.ok()) return text.status();
  absl::StatusOr<T> parsed = T::FromBytes(AsBytes(*text));
  if (!parsed.ok()) return absl::UnauthenticatedError(std::string(name) + " has a wrong length");
  value = *parsed;
  return absl::OkStatus();
}

}  // namespace

Digest BodyDigest(const google::protobuf::Message& message) {
  std::string bytes;
  {
    google::protobuf::io::StringOutputStream stream(&bytes);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    message.SerializeToCodedStream(&coded);
  }
  return Sha256(AsBytes(bytes));
}

void SignCall(grpc::ClientContext& context, const Ed25519Key& key, std::string_view method,
              const google::protobuf::Message& body, int64_t now_ms) {
  RequestNonce nonce;
  FillSecureRandom({nonce.data(), nonce.size()});
  const RequestStamp stamp = SignRequest(key, method, BodyDigest(body), now_ms, nonce);
  context.AddMetadata(kKey, std::string(AsText(stamp.key.view())));
  context.AddMetadata(kTime, std::to_string(stamp.time_ms));
  context.AddMetadata(kNonce, std::string(AsText(stamp.nonce.view())));
  context.AddMetadata(kSignature, std::string(AsText(stamp.signature.view())));
}

absl::StatusOr<RequestStamp> ReadStamp(const grpc::ServerContext& context) {
  RequestStamp stamp;
  absl::Status read = ReadFixed(context, kKey, stamp.key);
  if (read.ok()) read = ReadFixed(context, kNonce, stamp.nonce);
  if (read.ok()) read = ReadFixed(context, kSignature, stamp.signature);
  if (!read.ok()) return read;
  absl::StatusOr<std::string_view> time = Entry(context, kTime);
  if (!time.ok()) return time.status();
  const auto parsed = std::from_chars(time->data(), time->data() + time->size(), stamp.time_ms);
  if (parsed.ec != std::errc() || parsed.ptr != time->data() + time->size()) {
    return absl::UnauthenticatedError(std::string(kTime) + " is not a number");
  }
  return stamp;
}

}  // namespace tessera
