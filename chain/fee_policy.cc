#include "chain/fee_policy.h"

#include <algorithm>
#include <sstream>

namespace tessera::chain {
namespace {

// Above any fee that will ever be, below where doubling could overflow.
constexpr absl::uint128 kFeeMax = absl::uint128{1} << 96;

std::string Text(absl::uint128 value) {
  std::ostringstream text;
  text << value;
  return text.str();
}

absl::Status AboveCeiling(const FeePolicy& policy, absl::uint128 needed_wei) {
  return absl::ResourceExhaustedError("a gas price of " + Text(needed_wei) +
                                      " wei is needed, above the ceiling of " +
                                      Text(policy.max_fee_ceiling_wei) + " wei");
}

// At least 1/8 more, and at least 1 wei.
absl::uint128 Raised(absl::uint128 fee_wei) { return fee_wei + fee_wei / 8 + 1; }

}  // namespace

absl::StatusOr<GasFees> InitialFees(const FeePolicy& policy, absl::uint128 base_fee_wei) {
  const absl::uint128 base_fee = std::min(base_fee_wei, kFeeMax);
  const absl::uint128 tip = std::min(policy.tip_wei, kFeeMax);
  if (base_fee + tip > policy.max_fee_ceiling_wei) return AboveCeiling(policy, base_fee + tip);
  return GasFees{.max_fee_wei = std::min(2 * base_fee + tip, policy.max_fee_ceiling_wei),
                 .tip_wei = tip};
}

absl::StatusOr<GasFees> BumpedFees(const FeePolicy& policy, const GasFees& current,
                                   absl::uint128 base_fee_wei) {
  const absl::StatusOr<GasFees> fresh = InitialFees(policy, base_fee_wei);
  if (!fresh.ok()) return fresh.status();
  const GasFees bumped{
      .max_fee_wei = std::max(Raised(current.max_fee_wei), fresh->max_fee_wei),
      .tip_wei = std::max(Raised(current.tip_wei), fresh->tip_wei),
  };
  if (bumped.max_fee_wei > policy.max_fee_ceiling_wei) {
    return AboveCeiling(policy, bumped.max_fee_wei);
  }
  return bumped;
}

absl::StatusOr<uint64_t> GasLimitFor(uint64_t estimated) {
  if (estimated > kTxGasMax) {
    return absl::ResourceExhaustedError("the call needs " + std::to_string(estimated) +
                                        " gas, above the limit of a transaction, " +
                                        std::to_string(kTxGasMax));
  }
  return std::min(estimated + estimated / 4, kTxGasMax);
}

}  // namespace tessera::chain
