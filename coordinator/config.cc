#include "coordinator/config.h"

#include <CLI/CLI.hpp>

namespace tessera::coordinator {

ParsedConfig ParseConfig(int argc, const char* const* argv) {
  Config config;
  bool insecure = false;
  CLI::App app(
      "tessera-coordinator: runs federated training rounds, anchors each on the chain and pays for "
      "proven work.",
      "tessera-coordinator");
  app.footer(
      "Everything it accepts is in DATA/journal.sqlite and DATA/blobs before it answers: end it at "
      "any instant\n"
      "and start it again with the same options.\n\n"
      "Examples:\n"
      "  tessera-coordinator --data-dir /var/lib/tessera --key coordinator.key --deployment "
      "deployment.json \\\n"
      "      --rpc-url http://127.0.0.1:8545 --tls-cert server.pem --tls-key server.key\n"
      "  tessera-coordinator --insecure --listen 127.0.0.1:0 --port-file port ...   # tests on one "
      "machine");
  app.set_version_flag("--version", "tessera-coordinator 0.1.0");
  app.add_option("--listen", config.listen, "Address and port of the gRPC services")
      ->capture_default_str();
  app.add_option("--data-dir", config.data_dir, "Folder of the journal and the blobs")->required();
  app.add_option("--key", config.key_file, "Key file of the account that anchors and pays gas")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--passphrase-file", config.passphrase_file,
                 "File with the key file's passphrase; default: TESSERA_PASSPHRASE")
      ->check(CLI::ExistingFile);
  app.add_option("--deployment", config.deployment_file,
                 "Deployment file written by 'tessera chain deploy'")
      ->required()
      ->check(CLI::ExistingFile);
  app.add_option("--rpc-url", config.rpc_urls, "JSON-RPC URL of a chain node; several for failover")
      ->required();
  app.add_option("--confirmations", config.confirmations,
                 "Blocks, its own included, before a transaction counts")
      ->capture_default_str()
      ->check(CLI::Range(1, 1000));
  auto* certificate = app.add_option("--tls-cert", config.tls_certificate, "Certificate chain, PEM")
                          ->check(CLI::ExistingFile);
  auto* key = app.add_option("--tls-key", config.tls_key, "Private key of the certificate, PEM")
                  ->check(CLI::ExistingFile);
  certificate->needs(key);
  key->needs(certificate);
  app.add_flag("--insecure", insecure, "Plaintext instead of TLS; for tests on one machine")
      ->excludes(certificate);
  app.add_option("--port-file", config.port_file, "Receives the port that was bound");
  app.add_option("--log-level", config.log_level, "trace, debug, info, warn or error")
      ->capture_default_str()
      ->check(CLI::IsMember({"trace", "debug", "info", "warn", "error"}));
  try {
    app.parse(argc, argv);
    if (!insecure && config.tls_certificate.empty()) {
      throw CLI::ValidationError(
          "--tls-cert and --tls-key are required; deploy/dev-ca.sh makes a pair for development, "
          "--insecure does without");
    }
  } catch (const CLI::ParseError& error) {
    const int code = app.exit(error);
    return {std::nullopt, code == 0 ? 0 : 2};
  }
  if (insecure) config.security = TransportSecurity::kInsecure;
  return {std::move(config), 0};
}

}  // namespace tessera::coordinator
