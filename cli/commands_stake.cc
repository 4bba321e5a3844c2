// tessera stake: what a worker puts at risk.
#include <nlohmann/json.hpp>

#include "base/status_macros.h"
#include "chain/abi.h"
#include "cli/commands.h"

namespace tessera::cli {
namespace {

absl::Status ShowStake(Context& context, const Address& worker) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  ASSIGN_OR_RETURN(const chain::StakeView stake, views->Stake(worker));
  ASSIGN_OR_RETURN(const Wei balance, views->TokenBalance(worker));
  std::string text = "worker     " + worker.hex() +                    //
                     "\nbonded     " + stake.bonded.ToTokenString() +  //
                     "\nunbonding  " + stake.unbonding.ToTokenString();
  if (stake.unbonding != Wei()) {
    text += ", to withdraw from " + std::to_string(stake.unlock_at_s) + " (seconds since 1970) on";
  }
  if (stake.holds != 0) {
    text += "\nheld       by " + std::to_string(stake.holds) + " open disputes";
  }
  text += "\nbalance    " + balance.ToTokenString() + " tokens";
  context.output().Answer({{"worker", worker.hex()},
                           {"bonded_wei", stake.bonded.ToString()},
                           {"unbonding_wei", stake.unbonding.ToString()},
                           {"unlock_at_s", stake.unlock_at_s},
                           {"holds", stake.holds},
                           {"balance_wei", balance.ToString()}},
                          text);
  return absl::OkStatus();
}

}  // namespace

absl::Status StakeBond(Context& context, Wei amount, const std::string& worker_text) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  ASSIGN_OR_RETURN(const Address payer, context.ResolveAccount(""));
  ASSIGN_OR_RETURN(const Address worker, context.ResolveAccount(worker_text));
  const Address& vault = views->deployment().stake_vault;
  RETURN_IF_ERROR(context.Approve(vault, amount));
  const chain::AbiValues call =
      worker == payer ? chain::CallData("bond(uint96)").Amount(amount)
                      : chain::CallData("bondFor(address,uint96)").Addr(worker).Amount(amount);
  RETURN_IF_ERROR(context.Send(vault, call).status());
  return ShowStake(context, worker);
}

absl::Status StakeUnbond(Context& context, Wei amount) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  RETURN_IF_ERROR(
      context
          .Send(views->deployment().stake_vault, chain::CallData("unbond(uint96)").Amount(amount))
          .status());
  return StakeStatus(context, "");
}

absl::Status StakeWithdraw(Context& context) {
  ASSIGN_OR_RETURN(const chain::ContractViews* const views, context.Views());
  RETURN_IF_ERROR(
      context.Send(views->deployment().stake_vault, chain::CallData("withdraw()")).status());
  return StakeStatus(context, "");
}

absl::Status StakeStatus(Context& context, const std::string& worker_text) {
  ASSIGN_OR_RETURN(const Address worker, context.ResolveAccount(worker_text));
  return ShowStake(context, worker);
}

}  // namespace tessera::cli
