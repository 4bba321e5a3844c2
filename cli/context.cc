#include "cli/context.h"

#include "base/key_file.h"
#include "chain/contracts/deploy.h"
#include "chain/contracts/errors.h"
#include "proto/convert/convert.h"

namespace tessera::cli {
namespace {

absl::Status Missing(const std::string& what, const std::string& option) {
  return absl::InvalidArgumentError("this command needs " + what + " (give " + option + ")");
}

}  // namespace

absl::StatusOr<std::string> Context::Passphrase() const {
  return ReadPassphrase(options_.passphrase_file);
}

absl::StatusOr<const KeyPair*> Context::Keys() {
  if (!keys_.has_value()) {
    if (options_.key_file.empty()) return Missing("a key", "--key or TESSERA_KEY");
    ASSIGN_OR_RETURN(const std::string passphrase, Passphrase());
    ASSIGN_OR_RETURN(KeyPair keys, ReadKeyFile(options_.key_file, passphrase));
    keys_.emplace(std::move(keys));
  }
  return &*keys_;
}

absl::StatusOr<std::shared_ptr<grpc::Channel>> Context::Channel() {
  if (channel_ == nullptr) {
    ASSIGN_OR_RETURN(channel_,
                     OpenChannel({options_.coordinator, options_.security, options_.ca_file}));
  }
  return channel_;
}

absl::StatusOr<v1::JobService::Stub*> Context::Jobs() {
  if (jobs_ == nullptr) {
    ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Channel());
    jobs_ = v1::JobService::NewStub(channel);
  }
  return jobs_.get();
}

absl::StatusOr<v1::ChainInfo> Context::CoordinatorChain() {
  ASSIGN_OR_RETURN(const std::shared_ptr<grpc::Channel> channel, Channel());
  const auto workers = v1::WorkerService::NewStub(channel);
  ASSIGN_OR_RETURN(
      const v1::GetChainInfoResponse response,
      CallUnary(*workers, &v1::WorkerService::Stub::GetChainInfo, v1::GetChainInfoRequest()));
  return response.chain();
}

absl::StatusOr<chain::JsonRpc*> Context::Rpc() {
  if (rpc_ == nullptr) {
    if (options_.rpc_urls.empty()) return Missing("a chain node", "--rpc-url or TESSERA_RPC_URL");
    rpc_ = std::make_unique<chain::JsonRpc>(chain::JsonRpcOptions{
        .urls = options_.rpc_urls, .error_signatures = chain::ContractErrors()});
  }
  return rpc_.get();
}

absl::StatusOr<const chain::ContractViews*> Context::Views() {
  if (views_ == nullptr) {
    if (options_.deployment_file.empty()) {
      return Missing("the contracts' addresses", "--deployment or TESSERA_DEPLOYMENT");
    }
    ASSIGN_OR_RETURN(const Deployment deployment,
                     chain::ReadDeploymentFile(options_.deployment_file));
    ASSIGN_OR_RETURN(chain::JsonRpc* const rpc, Rpc());
    ASSIGN_OR_RETURN(const uint64_t chain_id, chain::Reader(*rpc).ChainId());
    if (chain_id != deployment.chain_id) {
      return absl::FailedPreconditionError(
          "the node is on chain " + std::to_string(chain_id) + ", the deployment on chain " +
          std::to_string(deployment.chain_id) + " (check --rpc-url and --deployment)");
    }
    views_ = std::make_unique<chain::ContractViews>(*rpc, deployment);
  }
  return views_.get();
}

absl::StatusOr<chain::Account*> Context::Account() {
  if (account_ == nullptr) {
    ASSIGN_OR_RETURN(const KeyPair* const keys, Keys());
    ASSIGN_OR_RETURN(chain::JsonRpc* const rpc, Rpc());
    chain::AccountOptions account_options;
    account_options.confirmations = options_.confirmations;
    ASSIGN_OR_RETURN(account_, chain::Account::Open(*rpc, keys->account, clock_, account_options));
  }
  return account_.get();
}

absl::StatusOr<chain::Receipt> Context::Send(const Address& contract,
                                             const chain::AbiValues& call) {
  ASSIGN_OR_RETURN(chain::Account* const account, Account());
  return account->Send({.to = contract, .data = call.Encode(), .value_wei = 0});
}

absl::Status Context::Approve(const Address& spender, Wei amount) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, Views());
  ASSIGN_OR_RETURN(const KeyPair* const keys, Keys());
  const Address& owner = keys->account.address();
  ASSIGN_OR_RETURN(const Wei balance, views->TokenBalance(owner));
  if (balance < amount) {
    return absl::FailedPreconditionError(
        owner.hex() + " holds " + balance.ToTokenString() + " tokens, " + amount.ToTokenString() +
        " are needed (on a development chain: tessera chain faucet)");
  }
  ASSIGN_OR_RETURN(const Wei allowed, views->Allowance(owner, spender));
  if (allowed >= amount) return absl::OkStatus();
  return Send(views->deployment().token,
              chain::CallData("approve(address,uint256)").Addr(spender).Amount(amount))
      .status();
}

absl::StatusOr<JobId> Context::ResolveJob(const std::string& text) {
  if (!text.empty()) {
    absl::StatusOr<JobId> job = JobId::FromHex(text);
    if (!job.ok()) return Annotate(job.status(), "--job");
    return job;
  }
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, Jobs());
  v1::GetJobRequest request;
  request.set_log_from(UINT64_MAX);
  ASSIGN_OR_RETURN(const v1::GetJobResponse response,
                   CallUnary(*jobs, &v1::JobService::Stub::GetJob, request));
  return ParseField<JobId>(response.status().job(), "job");
}

absl::StatusOr<Address> Context::ResolveAccount(const std::string& text) {
  if (!text.empty()) {
    absl::StatusOr<Address> account = Address::FromHex(text);
    if (!account.ok()) return Annotate(account.status(), "'" + text + "' is no address");
    return account;
  }
  ASSIGN_OR_RETURN(const KeyPair* const keys, Keys());
  return keys->account.address();
}

}  // namespace tessera::cli
