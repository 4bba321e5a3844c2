// How much gas money to offer, and how much more when a transaction does not get mined.
#pragma once

#include "absl/status/statusor.h"
#include "chain/transaction.h"

namespace tessera::chain {

inline constexpr uint64_t kWeiPerGwei = 1'000'000'000;
// EIP-7825 (https://eips.ethereum.org/EIPS/eip-7825): the most gas one transaction may ask for.
inline constexpr uint64_t kTxGasMax = uint64_t{1} << 24;

struct FeePolicy {
  absl::uint128 tip_wei = kWeiPerGwei;
  absl::uint128 max_fee_ceiling_wei = absl::uint128{500} * kWeiPerGwei;
};

// Twice the base fee plus the tip survives six full blocks in a row (the base fee grows by at most
// 1/8 per block); lowered to the ceiling. ResourceExhausted if the ceiling is below base fee plus
// tip.
absl::StatusOr<GasFees> InitialFees(const FeePolicy& policy, absl::uint128 base_fee_wei);

// The fees of a replacement with the same nonce: both at least 1/8 above `current`, which pools
// require (geth asks for 10 %), and no lower than InitialFees. ResourceExhausted above the ceiling.
absl::StatusOr<GasFees> BumpedFees(const FeePolicy& policy, const GasFees& current,
                                   absl::uint128 base_fee_wei);

// `estimated` plus a quarter, at most kTxGasMax: state may change before the transaction is mined.
// ResourceExhausted if the estimate itself is above kTxGasMax.
absl::StatusOr<uint64_t> GasLimitFor(uint64_t estimated);

}  // namespace tessera::chain
