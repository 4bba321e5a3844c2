// The custom errors of Tessera's contracts, so that a revert is reported by its name.
#pragma once

#include <string>
#include <vector>

namespace tessera::chain {

// Canonical signatures, for JsonRpcOptions::error_signatures. tests/chain/contracts checks them against the artifacts.
std::vector<std::string> ContractErrors();

}  // namespace tessera::chain
