// What commands work with - coordinator, chain, keys - opened when first asked for, from the global
// options.
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/key_file.h"
#include "chain/account.h"
#include "chain/contracts/views.h"
#include "cli/output.h"
#include "proto/transport/channel.h"
#include "proto/transport/status.h"
#include "tessera/v1/job.grpc.pb.h"
#include "tessera/v1/worker.grpc.pb.h"

namespace tessera::cli {

struct GlobalOptions {
  std::string coordinator = "localhost:7443";
  std::filesystem::path ca_file;
  TransportSecurity security = TransportSecurity::kTls;
  std::vector<std::string> rpc_urls;
  std::filesystem::path deployment_file;
  std::filesystem::path key_file;
  std::filesystem::path passphrase_file;  // Empty: TESSERA_PASSPHRASE in the environment.
  uint64_t confirmations = 1;
  OutputFormat output = OutputFormat::kText;
};

// Not thread-safe. Pointers live as long as the context. A missing option is InvalidArgument and
// names the option.
class Context {
 public:
  explicit Context(GlobalOptions options)
      : options_(std::move(options)), output_(options_.output) {}

  const GlobalOptions& options() const { return options_; }
  const Output& output() const { return output_; }

  // Of --passphrase-file, else of TESSERA_PASSPHRASE.
  absl::StatusOr<std::string> Passphrase() const;
  absl::StatusOr<const KeyPair*> Keys();

  absl::StatusOr<v1::JobService::Stub*> Jobs();
  absl::StatusOr<std::shared_ptr<grpc::Channel>> Channel();
  // What the coordinator says about itself: its account and the contracts it works with.
  absl::StatusOr<v1::ChainInfo> CoordinatorChain();

  absl::StatusOr<chain::JsonRpc*> Rpc();
  absl::StatusOr<const chain::ContractViews*> Views();
  absl::StatusOr<chain::Account*> Account();
  // One transaction from the key's account, seen through to its confirmations.
  absl::StatusOr<chain::Receipt> Send(const Address& contract, const chain::AbiValues& call);
  // Lets `spender` take `amount` of the account's tokens; sends nothing if it may already.
  absl::Status Approve(const Address& spender, Wei amount);

  // A job id from hexadecimal text; empty: the coordinator's newest job.
  absl::StatusOr<JobId> ResolveJob(const std::string& text);
  // An address from hexadecimal text; empty: the key's account.
  absl::StatusOr<Address> ResolveAccount(const std::string& text);

 private:
  const GlobalOptions options_;
  const Output output_;
  const SystemClock clock_;
  std::optional<KeyPair> keys_;
  std::shared_ptr<grpc::Channel> channel_;
  std::unique_ptr<v1::JobService::Stub> jobs_;
  std::unique_ptr<chain::JsonRpc> rpc_;
  std::unique_ptr<chain::ContractViews> views_;
  std::unique_ptr<chain::Account> account_;
};

// A unary call with a deadline: CallUnary(stub, &v1::JobService::Stub::GetJob, request). The form
// with a call of its own is for signed ones.
inline constexpr std::chrono::seconds kCallTimeout{30};
template <class Stub, class Request, class Response>
absl::StatusOr<Response> CallUnary(Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                                   const Request& request, grpc::ClientContext& call) {
  call.set_deadline(std::chrono::system_clock::now() + kCallTimeout);
  Response response;
  const grpc::Status status = (stub.*method)(&call, request, &response);
  if (!status.ok()) return FromGrpcStatus(call, status);
  return response;
}
template <class Stub, class Request, class Response>
absl::StatusOr<Response> CallUnary(Stub& stub,
                                   grpc::Status (Stub::*method)(grpc::ClientContext*,
                                                                const Request&, Response*),
                                   const Request& request) {
  grpc::ClientContext call;
  return CallUnary(stub, method, request, call);
}

}  // namespace tessera::cli
