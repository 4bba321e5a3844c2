// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What a round's seed decides (docs/protocol.md, "Sampling").
/// @dev Every draw hashes the seed with a label of its own, so no draw tells about another one.
library Sampling {
    /// @notice The denominator of audit probabilities: they are in parts per million.
    uint256 internal constant PPM = 1_000_000;

    /// @notice The seed of a round, from the prevrandao of a block fixed before anybody knew it.
    function seedOf(bytes32 job, uint256 round, bytes32 commitRoot, bytes32 prevRandao)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(job, round, commitRoot, prevRandao));
    }

    /// @notice True if the worker's commitment is audited at a probability of `ppm`.
    function audited(bytes32 seed, address worker, bytes32 commitment, uint256 ppm)
        internal
        pure
        returns (bool)
    {
        return
            _first8(keccak256(abi.encode(seed, bytes32("audit"), worker, commitment))) % PPM < ppm;
    }

    /// @notice The segment of the worker's training which its auditors recompute.
    /// @param segments how many the worker committed to, at least 1.
    function segmentOf(bytes32 seed, address worker, uint32 segments)
        internal
        pure
        returns (uint32)
    {
        uint64 word = _first8(keccak256(abi.encode(seed, bytes32("segment"), worker)));
        return uint32(word % segments);
    }

    /// @notice How many auditors are drawn: `size`, or every candidate if there are fewer.
    function seatsOf(uint256 accusedSlot, uint256 auditorSlots, uint256 size)
        internal
        pure
        returns (uint256)
    {
        uint256 candidates = accusedSlot < auditorSlots ? auditorSlots - 1 : auditorSlots;
        return size < candidates ? size : candidates;
    }

    /// @notice The slots of the auditors who judge the accused slot, in drawing order.
    /// @dev A Fisher-Yates shuffle cut off after the seats. The candidates are never written down:
    /// only the few places that a swap changed are remembered, so a round of 2^20 slots costs as
    /// much as one of 20. O(seats^2) time, O(seats) memory.
    function committeeOf(bytes32 seed, uint256 accusedSlot, uint256 auditorSlots, uint256 size)
        internal
        pure
        returns (uint32[] memory committee)
    {
        uint256 seats = seatsOf(accusedSlot, auditorSlots, size);
        uint256 candidates = accusedSlot < auditorSlots ? auditorSlots - 1 : auditorSlots;
        committee = new uint32[](seats);
        uint256[] memory places = new uint256[](seats);
        uint256[] memory values = new uint256[](seats);

        for (uint256 i = 0; i < seats; ++i) {
            uint256 word = uint256(keccak256(abi.encode(seed, bytes32("seat"), accusedSlot, i)));
            uint256 j = i + word % (candidates - i);
            uint256 drawn = _at(places, values, i, j);
            // Place i is never looked at again, so only what moved to place j must be kept.
            values[i] = _at(places, values, i, i);
            places[i] = j;
            committee[i] = uint32(drawn < accusedSlot ? drawn : drawn + 1);
        }
    }

    /// @dev What stands at `place` after `swaps` swaps; the latest swap that touched it counts.
    function _at(uint256[] memory places, uint256[] memory values, uint256 swaps, uint256 place)
        private
        pure
        returns (uint256)
    {
        for (uint256 k = swaps; k > 0; --k) {
            if (places[k - 1] == place) return values[k - 1];
        }
        return place;
    }

    function _first8(bytes32 digest) private pure returns (uint64) {
        return uint64(bytes8(digest));
    }
}
