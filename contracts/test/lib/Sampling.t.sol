// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "../base/Cheats.sol";
import {Sampling} from "../../src/lib/Sampling.sol";

contract SamplingTest is Cheats {
    string private json;

    function setUp() public {
        json = vm.readFile("../tests/vectors/sampling.json");
    }

    function test_DrawsTheGoldenSeeds() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".seeds[#]", i)); ++i) {
            bytes32 seed = Sampling.seedOf(
                vm.parseJsonBytes32(json, _at(".seeds[#].job", i)),
                vm.parseJsonUint(json, _at(".seeds[#].round", i)),
                vm.parseJsonBytes32(json, _at(".seeds[#].commitRoot", i)),
                vm.parseJsonBytes32(json, _at(".seeds[#].prevrandao", i))
            );
            vm.assertEq(seed, vm.parseJsonBytes32(json, _at(".seeds[#].seed", i)));
        }
        vm.assertEq(i, 4);
    }

    function test_AuditsTheGoldenWorkers() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".audits[#]", i)); ++i) {
            bool audited = Sampling.audited(
                vm.parseJsonBytes32(json, _at(".audits[#].seed", i)),
                vm.parseJsonAddress(json, _at(".audits[#].worker", i)),
                vm.parseJsonBytes32(json, _at(".audits[#].commitment", i)),
                vm.parseJsonUint(json, _at(".audits[#].ppm", i))
            );
            vm.assertEq(audited, vm.parseJsonBool(json, _at(".audits[#].audited", i)));
        }
        vm.assertEq(i, 24);
    }

    function test_PicksTheGoldenSegments() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".segments[#]", i)); ++i) {
            uint32 segment = Sampling.segmentOf(
                vm.parseJsonBytes32(json, _at(".segments[#].seed", i)),
                vm.parseJsonAddress(json, _at(".segments[#].worker", i)),
                uint32(vm.parseJsonUint(json, _at(".segments[#].segments", i)))
            );
            vm.assertEq(segment, vm.parseJsonUint(json, _at(".segments[#].segment", i)));
        }
        vm.assertEq(i, 7);
    }

    function test_SeatsTheGoldenCommittees() public view {
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".committees[#]", i)); ++i) {
            uint32[] memory committee = Sampling.committeeOf(
                vm.parseJsonBytes32(json, _at(".committees[#].seed", i)),
                vm.parseJsonUint(json, _at(".committees[#].accusedSlot", i)),
                vm.parseJsonUint(json, _at(".committees[#].auditorSlots", i)),
                vm.parseJsonUint(json, _at(".committees[#].size", i))
            );
            uint256[] memory golden = new uint256[](0);
            if (committee.length != 0) {
                golden = vm.parseJsonUintArray(json, _at(".committees[#].committee", i));
            }
            vm.assertEq(abi.encode(committee), abi.encode(golden));
        }
        vm.assertEq(i, 16);
    }

    function testFuzz_CommitteeEqualsThatOfAWrittenOutShuffle(
        bytes32 seed,
        uint256 accused,
        uint256 auditors,
        uint256 size
    ) public pure {
        auditors = _within(auditors, 0, 64);
        accused = _within(accused, 0, 70);
        size = _within(size, 1, 32);
        uint32[] memory committee = Sampling.committeeOf(seed, accused, auditors, size);

        uint256[] memory candidates = new uint256[](auditors);
        uint256 count = 0;
        for (uint256 slot = 0; slot < auditors; ++slot) {
            if (slot != accused) candidates[count++] = slot;
        }
        vm.assertEq(committee.length, size < count ? size : count);
        vm.assertEq(committee.length, Sampling.seatsOf(accused, auditors, size));
        for (uint256 i = 0; i < committee.length; ++i) {
            bytes32 draw = keccak256(abi.encode(seed, bytes32("seat"), accused, i));
            uint256 j = i + uint256(draw) % (count - i);
            (candidates[i], candidates[j]) = (candidates[j], candidates[i]);
            vm.assertEq(committee[i], candidates[i]);
        }
    }

    function testFuzz_AuditProbabilityIsMonotone(bytes32 seed, address worker, uint256 ppm)
        public
        pure
    {
        ppm = _within(ppm, 0, Sampling.PPM - 1);
        if (Sampling.audited(seed, worker, "c", ppm)) {
            vm.assertTrue(Sampling.audited(seed, worker, "c", ppm + 1));
        }
        vm.assertFalse(Sampling.audited(seed, worker, "c", 0));
        vm.assertTrue(Sampling.audited(seed, worker, "c", Sampling.PPM));
    }

    function testFuzz_SegmentIsOneOfThem(bytes32 seed, address worker, uint32 segments)
        public
        pure
    {
        segments = uint32(_within(segments, 1, type(uint32).max));
        vm.assertTrue(Sampling.segmentOf(seed, worker, segments) < segments);
    }
}
