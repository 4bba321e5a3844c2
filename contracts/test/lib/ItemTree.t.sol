// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "../base/Cheats.sol";
import {Trees} from "../base/Trees.sol";
import {ItemTree} from "../../src/lib/ItemTree.sol";

contract ItemTreeTest is Cheats {
    /// @dev External, so that proofs are calldata.
    function includes(
        bytes32 root,
        uint256 count,
        uint256 index,
        bytes32 item,
        bytes32[] calldata proof
    ) external view returns (bool) {
        return ItemTree.includes(root, count, index, item, proof);
    }

    function test_AcceptsEveryGoldenProof() public view {
        string memory json = vm.readFile("../tests/vectors/item_tree.json");
        uint256 cases = 0;
        for (; vm.keyExistsJson(json, _at(".cases[#]", cases)); ++cases) {
            bytes32 root = vm.parseJsonBytes32(json, _at(".cases[#].root", cases));
            bytes32[] memory items = vm.parseJsonBytes32Array(json, _at(".cases[#].items", cases));
            uint256 count = vm.parseJsonUint(json, _at(".cases[#].count", cases));
            vm.assertEq(items.length, count);
            (bytes32 built, bytes32[][] memory proofs) = Trees.items(items);
            vm.assertEq(built, root);
            for (uint256 i = 0; i < count; ++i) {
                string memory key = string.concat(_at(".cases[#].proofs", cases), _at("[#]", i));
                bytes32[] memory proof =
                    count == 1 ? new bytes32[](0) : vm.parseJsonBytes32Array(json, key);
                vm.assertEq(abi.encode(proofs[i]), abi.encode(proof));
                vm.assertTrue(this.includes(root, count, i, items[i], proof));
            }
        }
        vm.assertEq(cases, 6);
    }

    function testFuzz_AcceptsOnlyTheItemAtItsIndex(uint256 salt, uint256 size, uint256 pick)
        public
        view
    {
        size = _within(size, 1, 40);
        pick = _within(pick, 0, size - 1);
        (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs) = _tree(salt, size);
        bytes32[] memory proof = proofs[pick];

        vm.assertTrue(this.includes(root, size, pick, items[pick], proof));
        for (uint256 i = 0; i < size; ++i) {
            if (i == pick) continue;
            vm.assertFalse(this.includes(root, size, i, items[pick], proof));
            vm.assertFalse(this.includes(root, size, pick, items[i], proof));
        }
    }

    function testFuzz_RejectsAnyChangedBit(uint256 salt, uint256 size, uint256 pick, uint256 bit)
        public
        view
    {
        size = _within(size, 2, 40);
        pick = _within(pick, 0, size - 1);
        (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs) = _tree(salt, size);
        bytes32[] memory proof = proofs[pick];
        bytes32 flip = bytes32(1 << (bit % 256));

        vm.assertFalse(this.includes(root ^ flip, size, pick, items[pick], proof));
        vm.assertFalse(this.includes(root, size, pick, items[pick] ^ flip, proof));
        proof[(bit >> 8) % proof.length] ^= flip;
        vm.assertFalse(this.includes(root, size, pick, items[pick], proof));
    }

    function test_RejectsAnotherCountOfTheSameDepth() public view {
        (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs) = _tree(1, 5);
        vm.assertTrue(this.includes(root, 5, 4, items[4], proofs[4]));
        vm.assertFalse(this.includes(root, 6, 4, items[4], proofs[4]));
        vm.assertFalse(this.includes(root, 8, 4, items[4], proofs[4]));
    }

    function test_RejectsAProofThatIsTooShortOrTooLong() public view {
        (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs) = _tree(2, 4);
        bytes32[] memory short = new bytes32[](1);
        short[0] = proofs[0][0];
        bytes32[] memory long = new bytes32[](3);
        (long[0], long[1]) = (proofs[0][0], proofs[0][1]);
        vm.assertFalse(this.includes(root, 4, 0, items[0], short));
        vm.assertFalse(this.includes(root, 4, 0, items[0], long));
    }

    function test_RejectsAnInnerNodeAsAnItem() public view {
        (bytes32 root,, bytes32[][] memory proofs) = _tree(3, 4);
        bytes32[] memory upper = new bytes32[](1);
        upper[0] = proofs[0][1];
        bytes32 inner = proofs[2][1];
        vm.assertFalse(this.includes(root, 2, 0, inner, upper));
        vm.assertFalse(this.includes(root, 4, 0, inner, proofs[0]));
    }

    function test_RejectsPaddingAndIndicesOutside() public view {
        (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs) = _tree(4, 3);
        vm.assertFalse(this.includes(root, 3, 3, bytes32(0), proofs[2]));
        vm.assertFalse(this.includes(root, 3, 4, items[0], proofs[0]));
        vm.assertFalse(this.includes(root, 0, 0, items[0], new bytes32[](0)));
    }

    function test_RejectsMoreItemsThanATreeHolds() public view {
        uint256 max = ItemTree.COUNT_MAX;
        bytes32[] memory proof = new bytes32[](20);
        bytes32 node = sha256(abi.encodePacked(bytes1(0x00), bytes32("item")));
        for (uint256 i = 0; i < 20; ++i) {
            node = sha256(abi.encodePacked(bytes1(0x01), node, proof[i]));
        }
        bytes32 root = sha256(abi.encodePacked(bytes1(0x02), uint64(max), node));
        vm.assertTrue(this.includes(root, max, 0, "item", proof));

        bytes32[] memory deeper = new bytes32[](21);
        node = sha256(abi.encodePacked(bytes1(0x01), node, bytes32(0)));
        root = sha256(abi.encodePacked(bytes1(0x02), uint64(max + 1), node));
        vm.assertFalse(this.includes(root, max + 1, 0, "item", deeper));
    }

    function _tree(uint256 salt, uint256 size)
        private
        pure
        returns (bytes32 root, bytes32[] memory items, bytes32[][] memory proofs)
    {
        items = new bytes32[](size);
        for (uint256 i = 0; i < size; ++i) {
            items[i] = keccak256(abi.encode(salt, i));
        }
        (root, proofs) = Trees.items(items);
    }
}
