// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IDisputes} from "../interfaces/IDisputes.sol";

/// @title hashStruct of the typed data that disputes are about (docs/protocol.md, "Typed data").
/// @dev The structs hold static fields only, so their ABI encoding is the EIP-712 encodeData.
library TypedData {
    bytes32 internal constant COMMITMENT_TYPEHASH = keccak256(
        "Commitment(bytes32 job,uint64 round,address worker,uint32 engineClass,bytes32 baseModelRoot,uint32 shard,bytes32 updateRoot,uint64 updateBytes,uint64 dimension,bytes32 stateChainRoot,uint32 segments)"
    );
    bytes32 internal constant VERDICT_TYPEHASH = keccak256(
        "Verdict(bytes32 job,uint64 round,address auditor,address worker,bytes32 commitment,uint32 segment,bytes32 resultRoot,uint8 outcome)"
    );

    function hash(IDisputes.Commitment calldata commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(COMMITMENT_TYPEHASH, commitment));
    }

    function hash(IDisputes.Verdict calldata verdict) internal pure returns (bytes32) {
        return keccak256(abi.encode(VERDICT_TYPEHASH, verdict));
    }

    /// @notice The item of a worker's commitment in its round's tree.
    function item(address worker, bytes32 commitment) internal pure returns (bytes32) {
        return keccak256(abi.encode(worker, commitment));
    }
}
