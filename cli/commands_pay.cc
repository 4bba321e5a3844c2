// tessera worker status, claim: what was earned, and getting it.
#include <nlohmann/json.hpp>
#include <set>

#include "base/status_macros.h"
#include "chain/abi.h"
#include "cli/commands.h"
#include "cli/job_view.h"
#include "proto/convert/convert.h"
#include "protocol/claim_tree.h"

namespace tessera::cli {
namespace {

constexpr int kFetchesMax = 5;
constexpr size_t kAccountsMax = 64;  // In one transaction.

// What one account may take now.
struct Claimable {
  Address account;
  Wei cumulative;
  Wei claimed;  // Before.
  Wei pending;  // Settled, not final.
  std::vector<Digest> proof;

  Wei amount() const { return cumulative > claimed ? cumulative - claimed : Wei(); }
};

absl::StatusOr<Claimable> AskCoordinator(Context& context, const JobId& job,
                                         const Address& account) {
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  v1::GetClaimRequest request;
  request.set_job(FieldBytes(job));
  request.set_account(FieldBytes(account));
  ASSIGN_OR_RETURN(const v1::GetClaimResponse response,
                   CallUnary(*jobs, &v1::JobService::Stub::GetClaim, request));
  Claimable claim;
  claim.account = account;
  ASSIGN_OR_RETURN(claim.cumulative, Wei::ParseWei(response.cumulative_wei()));
  ASSIGN_OR_RETURN(claim.pending, Wei::ParseWei(response.pending_wei()));
  for (const std::string& bytes : response.proof()) {
    ASSIGN_OR_RETURN(const Digest sibling, ParseField<Digest>(bytes, "proof"));
    claim.proof.push_back(sibling);
  }
  return claim;
}

// With a proof that the contract will accept. The coordinator may be a moment behind the chain, or
// before it.
absl::StatusOr<Claimable> FetchClaim(Context& context, const JobId& job, const Address& account) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  for (int fetch = 0; fetch < kFetchesMax; ++fetch) {
    ASSIGN_OR_RETURN(Claimable claim, AskCoordinator(context, job, account));
    ASSIGN_OR_RETURN(claim.claimed, views->ClaimedBy(job, account));
    if (claim.amount() == Wei()) return claim;
    ASSIGN_OR_RETURN(const chain::JobView escrow, views->Job(job));
    if (VerifyClaim(escrow.payout_root, account, claim.cumulative, claim.proof)) return claim;
  }
  return absl::DataLossError("the coordinator's proof for " + account.hex() +
                             " does not lead to the payout root on the chain (run tessera verify)");
}

chain::AbiValues ClaimCall(const JobId& job, const std::vector<Claimable>& claims) {
  if (claims.size() == 1) {
    return chain::CallData("claim(bytes32,address,uint256,bytes32[])")
        .Word(chain::WordOfJob(job))
        .Addr(claims[0].account)
        .Amount(claims[0].cumulative)
        .WordArray(claims[0].proof);
  }
  std::vector<chain::AbiValues> tuples;
  for (const Claimable& claim : claims) {
    tuples.push_back(chain::AbiValues()
                         .Word(chain::WordOfJob(job))
                         .Addr(claim.account)
                         .Amount(claim.cumulative)
                         .WordArray(claim.proof));
  }
  return chain::CallData("claimMany((bytes32,address,uint256,bytes32[])[])").TupleArray(tuples);
}

// Each once, however often it was named; the key's account if none was.
absl::StatusOr<std::set<Address>> Accounts(Context& context,
                                           const std::vector<std::string>& texts) {
  std::set<Address> accounts;
  for (const std::string& text : texts) {
    ASSIGN_OR_RETURN(const Address account, context.ResolveAccount(text));
    accounts.insert(account);
  }
  if (accounts.empty()) {
    ASSIGN_OR_RETURN(const Address own, context.ResolveAccount(""));
    accounts.insert(own);
  }
  return accounts;
}

struct Balance {
  Wei before;
  Wei after;
};

void Report(Context& context, const JobId& job, const std::vector<Claimable>& claims,
            const std::vector<Balance>& balances, const std::string& transaction) {
  Json accounts = Json::array();
  std::string text;
  Wei total;
  for (size_t i = 0; i < claims.size(); ++i) {
    const Claimable& claim = claims[i];
    total += claim.amount();
    accounts.push_back({{"account", claim.account.hex()},
                        {"amount_wei", claim.amount().ToString()},
                        {"cumulative_wei", claim.cumulative.ToString()},
                        {"pending_wei", claim.pending.ToString()},
                        {"balance_before_wei", balances[i].before.ToString()},
                        {"balance_after_wei", balances[i].after.ToString()}});
    text += claim.account.hex() + "  " + claim.amount().ToTokenString() + " tokens (balance " +
            balances[i].before.ToTokenString() + " -> " + balances[i].after.ToTokenString() +
            ", pending " + claim.pending.ToTokenString() + ")\n";
  }
  Json json = {
      {"job", job.hex()}, {"amount_wei", total.ToString()}, {"accounts", std::move(accounts)}};
  if (transaction.empty()) {
    text += "nothing to claim";
  } else {
    json["transaction"] = transaction;
  }
  context.output().Answer(json, text);
}

}  // namespace

absl::Status Claim(Context& context, const std::string& job_text,
                   const std::vector<std::string>& account_texts) {
  if (account_texts.size() > kAccountsMax) {
    return absl::InvalidArgumentError("at most " + std::to_string(kAccountsMax) +
                                      " accounts at a time (claim in several calls)");
  }
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  std::vector<Claimable> claims;
  std::vector<Claimable> payable;
  std::vector<Balance> balances;
  Wei total;
  ASSIGN_OR_RETURN(const std::set<Address> accounts, Accounts(context, account_texts));
  for (const Address& account : accounts) {
    ASSIGN_OR_RETURN(const Claimable claim, FetchClaim(context, job, account));
    ASSIGN_OR_RETURN(const Wei balance, views->TokenBalance(account));
    if (claim.amount() > Wei::Max() - total) {
      return absl::DataLossError("the coordinator promises more than there can be");
    }
    total += claim.amount();
    balances.push_back({balance, balance});
    if (claim.amount() != Wei()) payable.push_back(claim);
    claims.push_back(claim);
  }
  std::string transaction;
  if (!payable.empty()) {
    ASSIGN_OR_RETURN(const chain::Receipt receipt,
                     context.Send(views->deployment().job_vault, ClaimCall(job, payable)));
    transaction = receipt.tx_hash.hex();
    for (size_t i = 0; i < claims.size(); ++i) {
      ASSIGN_OR_RETURN(balances[i].after, views->TokenBalance(claims[i].account));
    }
  }
  Report(context, job, claims, balances, transaction);
  return absl::OkStatus();
}

absl::Status WorkerShow(Context& context, const std::string& job_text,
                        const std::string& worker_text) {
  ASSIGN_OR_RETURN(const JobId job, context.ResolveJob(job_text));
  ASSIGN_OR_RETURN(const Address worker, context.ResolveAccount(worker_text));
  ASSIGN_OR_RETURN(v1::JobService::Stub* const jobs, context.Jobs());
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  v1::GetWorkerRequest request;
  request.set_job(FieldBytes(job));
  request.set_worker(FieldBytes(worker));
  ASSIGN_OR_RETURN(const v1::GetWorkerResponse response,
                   CallUnary(*jobs, &v1::JobService::Stub::GetWorker, request));
  ASSIGN_OR_RETURN(const Address payout, ParseField<Address>(response.status().payout(), "payout"));
  ASSIGN_OR_RETURN(const Wei claimed, views->ClaimedBy(job, payout));
  ASSIGN_OR_RETURN(const chain::StakeView stake, views->Stake(worker));
  Json json = WorkerJson(response.status());
  json["claimed_wei"] = claimed.ToString();
  json["bonded_wei"] = stake.bonded.ToString();
  json["unbonding_wei"] = stake.unbonding.ToString();
  const auto tokens = [](const std::string& wei) {
    const absl::StatusOr<Wei> amount = Wei::ParseWei(wei);
    return amount.ok() ? amount->ToTokenString() : "?";
  };
  context.output().Answer(json, WorkerLine(response.status(), SystemClock().NowMs()) +  //
                                    "\nclaimable  " + tokens(response.status().claimable_wei()) +
                                    " by " + payout.hex() + " in final rounds, of which claimed " +
                                    claimed.ToTokenString() +                                    //
                                    "\nslashed    " + tokens(response.status().slashed_wei()) +  //
                                    "\nstake      " + stake.bonded.ToTokenString() + " bonded, " +
                                    stake.unbonding.ToTokenString() + " unbonding");
  return absl::OkStatus();
}

}  // namespace tessera::cli
