// What the error member of a JSON-RPC answer means.
#pragma once

#include <nlohmann/json_fwd.hpp>

#include "absl/status/status.h"
#include "chain/revert.h"

namespace tessera::chain {

// The status of `error` = {"code", "message", "data"} from geth, erigon, nethermind, reth, besu or
// anvil, by the codes that json_rpc.h lists. Unavailable when another node should be asked (rate
// limits, malformed errors). Never OK.
absl::Status StatusOfNodeError(const nlohmann::json& error, const RevertDecoder& decoder);

}  // namespace tessera::chain
