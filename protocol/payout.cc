#include "protocol/payout.h"

namespace tessera {

RoundPay ComputeRoundPay(std::span<const Contribution> contributions, Wei update_reward,
                         Wei audit_reward) {
  RoundPay pay;
  for (const Contribution& part : contributions) {
    const Wei amount = update_reward * part.updates_paid + audit_reward * part.verdicts_paid;
    if (amount == Wei()) continue;
    pay.by_worker[part.worker] += amount;
    pay.total += amount;
  }
  return pay;
}

}  // namespace tessera
