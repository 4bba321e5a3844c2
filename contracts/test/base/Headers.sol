// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {RLP} from "@openzeppelin/contracts/utils/RLP.sol";

/// @dev Builds block headers of the Osaka fork.
library Headers {
    using RLP for RLP.Encoder;

    bytes32 private constant EMPTY_LIST =
        0x1dcc4de8dec75d7aab85b567b6ccd41ad312451b948a7413f0a142fd40d49347;
    bytes32 private constant EMPTY_TRIE =
        0x56e81f171bcc55a6ff8345e692c0f86e5b48e01b996cadc001622fb5e363b421;

    struct Fields {
        bytes32 parentHash;
        bytes32 stateRoot;
        uint256 number;
        uint256 gasLimit;
        uint256 timestamp;
        bytes32 prevRandao;
        uint256 baseFee;
    }

    /// @dev The header of an empty block.
    function encode(Fields memory f) internal pure returns (bytes memory) {
        RLP.Encoder memory list = RLP.encoder();
        list.push(f.parentHash).push(EMPTY_LIST).push(address(0)).push(f.stateRoot);
        list.push(EMPTY_TRIE).push(EMPTY_TRIE).push(new bytes(256)).push(uint256(0));
        list.push(f.number).push(f.gasLimit).push(uint256(0)).push(f.timestamp);
        list.push(bytes("")).push(f.prevRandao).push(new bytes(8)).push(f.baseFee);
        list.push(EMPTY_TRIE).push(uint256(0)).push(uint256(0)).push(bytes32(0)).push(sha256(""));
        return list.encode();
    }

    /// @dev A header that has this number and this prevrandao.
    function encode(uint256 number, bytes32 prevRandao) internal pure returns (bytes memory) {
        return encode(
            Fields({
                parentHash: keccak256(abi.encode("parent of", number)),
                stateRoot: keccak256(abi.encode("state of", number)),
                number: number,
                gasLimit: 60_000_000,
                timestamp: 1_800_000_000 + 12 * number,
                prevRandao: prevRandao,
                baseFee: 1 gwei
            })
        );
    }
}
