// The coordinator's command line.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "proto/transport/channel.h"

namespace tessera::coordinator {

struct Config {
  std::string listen = "0.0.0.0:7443";
  TransportSecurity security = TransportSecurity::kTls;
  std::filesystem::path tls_certificate;  // PEM
  std::filesystem::path tls_key;          // PEM
  std::filesystem::path data_dir;
  std::vector<std::string> rpc_urls;
  std::filesystem::path deployment_file;
  std::filesystem::path key_file;
  std::filesystem::path passphrase_file;  // Empty: TESSERA_PASSPHRASE in the environment.
  uint64_t confirmations = 2;
  std::filesystem::path port_file;  // Receives the port that was bound. For "--listen host:0".
  std::string log_level = "info";
};

// The configuration, or the code to exit with after --help, --version or a wrong option (already printed).
struct ParsedConfig {
  std::optional<Config> config;
  int exit_code = 0;
};
ParsedConfig ParseConfig(int argc, const char* const* argv);

}  // namespace tessera::coordinator
