// A contract of 48 bytes, assembled by hand, to send transactions to.
#pragma once

#include "base/bytes.h"
#include "chain/abi.h"

namespace tessera::testing {

// Called without data: adds 1 to a counter, emits a log with topic kGateTopic and the counter as
// data, and returns the counter. Called with data: does nothing while the counter is 0, and
// afterwards reverts with that data.
inline Bytes GateCreationCode() {
  return *ParseHex(
      "0x60308060093d393df3"  // Copies the 48 bytes after these 9 and returns them.
      "36601d57"              // if (calldatasize != 0) goto 0x1d
      "600160005401806000"    // counter = sload(0) + 1
      "55"                    // sstore(0, counter)
      "600052"                // mstore(0, counter)
      "602a60206000a1"        // log1(0, 32, 0x2a)
      "60206000f3"            // return(0, 32)
      "5b600054602557"        // 0x1d: if (sload(0) != 0) goto 0x25
      "00"                    // stop
      "5b366000600037"        // 0x25: calldatacopy(0, 0, calldatasize)
      "366000fd");            // revert(0, calldatasize)
}

inline Digest GateTopic() { return chain::WordOf(absl::uint128{0x2a}); }

}  // namespace tessera::testing
