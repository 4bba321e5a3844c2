// Wires the coordinator: journal, driver, chain, services.

#include <grpcpp/ext/proto_server_reflection_plugin.h>
#include <signal.h>

#include <iostream>

#include "base/file.h"
#include "base/key_file.h"
#include "base/status_macros.h"
#include "chain/contracts/deploy.h"
#include "chain/contracts/errors.h"
#include "coordinator/aggregator.h"
#include "coordinator/anchor/evm_ledger.h"
#include "coordinator/anchor/ledger_queue.h"
#include "coordinator/config.h"
#include "coordinator/rpc/job_service.h"
#include "coordinator/rpc/worker_service.h"
#include "spdlog/spdlog.h"

namespace tessera::coordinator {
namespace {

constexpr size_t kPemBytesMax = 1 << 20;
constexpr int kServerThreadsMax = 512;
constexpr auto kShutdownGrace = std::chrono::seconds(2);

absl::StatusOr<std::shared_ptr<grpc::ServerCredentials>> Credentials(const Config& config) {
  if (config.security == TransportSecurity::kInsecure) return grpc::InsecureServerCredentials();
  ASSIGN_OR_RETURN(const Bytes key, ReadFile(config.tls_key, kPemBytesMax));
  ASSIGN_OR_RETURN(const Bytes certificate, ReadFile(config.tls_certificate, kPemBytesMax));
  grpc::SslServerCredentialsOptions options;
  options.pem_key_cert_pairs.push_back(
      {std::string(AsText(key)), std::string(AsText(certificate))});
  return grpc::SslServerCredentials(options);
}

// Blocks the signals for all threads to come; returns the set to wait for.
sigset_t BlockStopSignals() {
  sigset_t signals;
  sigemptyset(&signals);
  sigaddset(&signals, SIGINT);
  sigaddset(&signals, SIGTERM);
  pthread_sigmask(SIG_BLOCK, &signals, nullptr);
  return signals;
}

absl::Status Serve(const Config& config, const sigset_t& stop_signals) {
  const SystemClock clock;
  ASSIGN_OR_RETURN(const std::string passphrase, ReadPassphrase(config.passphrase_file));
  ASSIGN_OR_RETURN(const KeyPair keys, ReadKeyFile(config.key_file, passphrase));
  ASSIGN_OR_RETURN(const Deployment deployment, chain::ReadDeploymentFile(config.deployment_file));
  chain::JsonRpc rpc({.urls = config.rpc_urls, .error_signatures = chain::ContractErrors()});
  chain::AccountOptions account_options;
  account_options.confirmations = config.confirmations;
  ASSIGN_OR_RETURN(const std::unique_ptr<EvmLedger> ledger,
                   EvmLedger::Open(rpc, deployment, keys.account, clock, account_options));

  std::error_code error;
  std::filesystem::create_directories(config.data_dir, error);
  ASSIGN_OR_RETURN(const std::unique_ptr<SqliteJournal> journal,
                   SqliteJournal::Open(config.data_dir / "journal.sqlite"));
  ASSIGN_OR_RETURN(const std::unique_ptr<FileBlobStore> blobs,
                   FileBlobStore::Open(config.data_dir));

  Driver* driver_address = nullptr;
  const auto confirm = [&](const JobId& job, EventBody event) {
    return driver_address->Submit(job, std::move(event));
  };
  LedgerQueue ledger_queue(ledger.get(), &clock, confirm);
  Aggregator aggregator(blobs.get(), config.data_dir / "outer", confirm);
  Driver driver(journal.get(), &clock, [&](const Job& job, const Effect& effect) {
    if (ledger_queue.Offer(job.id(), effect)) return;
    if (const auto* updates = std::get_if<AggregateUpdates>(&effect)) {
      aggregator.Offer(job.id(), job.spec(), *updates);
    }
  });
  driver_address = &driver;
  RETURN_IF_ERROR(driver.Start());
  ledger_queue.Start();
  aggregator.Start();

  RequestVerifier verifier(clock.NowMs());
  Presence presence;
  const ServiceContext services{&driver,    blobs.get(),   ledger.get(), &clock,
                                deployment, &keys.account, &verifier,    &presence};
  WorkerService worker_service(services);
  JobService job_service(services);
  grpc::EnableDefaultHealthCheckService(true);
  grpc::reflection::InitProtoReflectionServerBuilderPlugin();
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::ServerCredentials> credentials, Credentials(config));
  int port = 0;
  grpc::ServerBuilder builder;
  builder.AddListeningPort(config.listen, credentials, &port);
  builder.SetMaxReceiveMessageSize(kMessageBytesMax);
  grpc::ResourceQuota quota;
  quota.SetMaxThreads(kServerThreadsMax);
  builder.SetResourceQuota(quota);
  builder.RegisterService(&worker_service);
  builder.RegisterService(&job_service);
  const std::unique_ptr<grpc::Server> server = builder.BuildAndStart();
  if (server == nullptr || port == 0) {
    return absl::UnavailableError("cannot listen on " + config.listen +
                                  ": is the port taken, or the certificate malformed?");
  }
  if (!config.port_file.empty()) {
    RETURN_IF_ERROR(WriteFileAtomic(config.port_file, AsBytes(std::to_string(port) + "\n")));
  }
  spdlog::info("coordinator {} listens on port {}", keys.account.address().hex(), port);

  int signal = 0;
  sigwait(&stop_signals, &signal);
  spdlog::info("stopping");
  server->Shutdown(std::chrono::system_clock::now() + kShutdownGrace);
  ledger_queue.Stop();
  aggregator.Stop();
  driver.Stop();
  return absl::OkStatus();
}

}  // namespace
}  // namespace tessera::coordinator

int main(int argc, char** argv) {
  using namespace tessera;
  const coordinator::ParsedConfig parsed = coordinator::ParseConfig(argc, argv);
  if (!parsed.config.has_value()) return parsed.exit_code;
  spdlog::set_level(spdlog::level::from_str(parsed.config->log_level));
  const sigset_t stop_signals = coordinator::BlockStopSignals();
  if (const absl::Status served = coordinator::Serve(*parsed.config, stop_signals); !served.ok()) {
    std::cerr << "tessera-coordinator: " << MessageOf(served) << "\n";
    return 1;
  }
  return 0;
}
