#include "proto/transport/channel.h"

#include "base/file.h"
#include "base/status_macros.h"

namespace tessera {
namespace {

constexpr size_t kPemBytesMax = 1 << 20;
constexpr int kKeepaliveMs = 30'000;
constexpr int kReconnectBackoffMaxMs = 2'000;

}  // namespace

absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options) {
  grpc::ChannelArguments arguments;
  arguments.SetMaxReceiveMessageSize(kMessageBytesMax);
  arguments.SetInt(GRPC_ARG_KEEPALIVE_TIME_MS, kKeepaliveMs);
  arguments.SetInt(GRPC_ARG_MAX_RECONNECT_BACKOFF_MS, kReconnectBackoffMaxMs);
  arguments.SetInt(GRPC_ARG_INITIAL_RECONNECT_BACKOFF_MS, 200);
  arguments.SetInt(GRPC_ARG_ENABLE_HTTP_PROXY, 0);
  std::shared_ptr<grpc::ChannelCredentials> credentials;
  if (options.security == TransportSecurity::kInsecure) {
    credentials = grpc::InsecureChannelCredentials();
  } else {
    grpc::SslCredentialsOptions tls;
    if (!options.ca_file.empty()) {
      absl::StatusOr<Bytes> pem = ReadFile(options.ca_file, kPemBytesMax);
      if (!pem.ok()) return Annotate(pem.status(), "certificate authority");
      tls.pem_root_certs = std::string(AsText(*pem));
    }
    credentials = grpc::SslCredentials(tls);
  }
  return grpc::CreateCustomChannel(options.address, credentials, arguments);
}

}  // namespace tessera
