// How clients reach a coordinator.
#pragma once

#include <grpcpp/grpcpp.h>

#include <filesystem>
#include <memory>
#include <string>

#include "absl/status/statusor.h"

namespace tessera {

inline constexpr int kMessageBytesMax = 4 << 20;
inline constexpr size_t kStreamChunkBytes = 256 << 10;

// Plaintext has to be asked for by name.
enum class TransportSecurity { kTls, kInsecure };

struct ChannelOptions {
  std::string address;  // "host:port"
  TransportSecurity security = TransportSecurity::kTls;
  std::filesystem::path ca_file;  // PEM; empty: the system's certificate authorities.
};

// Does not connect yet. NotFound if the CA file is absent.
absl::StatusOr<std::shared_ptr<grpc::Channel>> OpenChannel(const ChannelOptions& options);

}  // namespace tessera
