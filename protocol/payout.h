// Who earns what in a round, in integer wei.
#pragma once

#include <map>
#include <vector>

#include "base/wei.h"
#include "protocol/ids.h"

namespace tessera {

// One worker's part in a round, as far as it matters for pay.
struct Contribution {
  WorkerId worker;
  Address payout;
  uint32_t updates_paid = 0;  // 0 or 1: included and not proven false.
  uint32_t verdicts_paid =
      0;  // Verdicts delivered in time that agree with the majority of their committee.
};

struct RoundPay {
  std::map<WorkerId, Wei> by_worker;  // Everyone with a non-zero amount.
  Wei total;
};
RoundPay ComputeRoundPay(std::span<const Contribution> contributions, Wei update_reward,
                         Wei audit_reward);

}  // namespace tessera
