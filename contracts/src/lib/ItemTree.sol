// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Math} from "@openzeppelin/contracts/utils/math/Math.sol";

/// @title The SHA-256 item tree of docs/protocol.md, which a round's commitments are anchored with.
/// @dev Leaves, nodes and the root carry different prefixes, and the root binds the number of
/// items, so neither a node can be passed off as an item nor can padding be opened.
library ItemTree {
    /// @notice The most items a tree holds, 2^20.
    uint256 internal constant COUNT_MAX = 1 << 20;

    /// @dev Lifts a 32-byte big-endian uint64 into the bytes that follow a one-byte prefix.
    uint256 private constant U64_SHIFT = 192;

    /// @dev The SHA-256 precompile gave no answer; only running out of gas can cause that.
    error HashFailed();

    /// @notice True if `proof` shows that `item` is the one at `index` of the `count` items whose
    /// tree has this `root`. Never reverts on a malformed proof: it returns false.
    function includes(
        bytes32 root,
        uint256 count,
        uint256 index,
        bytes32 item,
        bytes32[] calldata proof
    ) internal view returns (bool) {
        if (count == 0 || count > COUNT_MAX || index >= count) return false;
        if (proof.length != Math.log2(count, Math.Rounding.Ceil)) return false;

        bytes32 node = _hash(0x00, item, 0, 33);
        for (uint256 level = 0; level < proof.length; ++level) {
            bytes32 sibling = proof[level];
            node = (index >> level) & 1 == 0
                ? _hash(0x01, node, sibling, 65)
                : _hash(0x01, sibling, node, 65);
        }
        // u64be count takes the first 8 bytes of the first word, the top follows directly.
        bytes32 first = bytes32((count << U64_SHIFT) | (uint256(node) >> 64));
        return root == _hash(0x02, first, node << 192, 41);
    }

    /// @dev SHA-256 of the first `size` bytes of prefix || first || second.
    function _hash(uint8 prefix, bytes32 first, bytes32 second, uint256 size)
        private
        view
        returns (bytes32 digest)
    {
        bool done;
        assembly ("memory-safe") {
            // Beyond the free pointer, never allocated: the next call may overwrite it.
            let at := mload(0x40)
            mstore8(at, prefix)
            mstore(add(at, 1), first)
            mstore(add(at, 33), second)
            done := staticcall(gas(), 2, at, size, 0, 32)
            digest := mload(0)
        }
        require(done, HashFailed());
    }
}
