// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "./base/Trees.sol";
import {World} from "./base/World.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IJobVault} from "../src/interfaces/IJobVault.sol";

/// @dev What the main calls cost as transactions of their own (isolate), so with the base fee of
/// 21,000, calldata and cold storage. forge writes snapshots/Gas.json; compare before and after.
contract GasTest is World {
    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfRounds() public {
        for (uint64 round = 0; round < 2; ++round) {
            string memory suffix = round == 0 ? ", first" : ", later";
            _anchor(round);
            _snapshot(string.concat("anchor", suffix));
            _seal(round);
            _snapshot(string.concat("seal", suffix));
            _settle(round, "payouts", 5 ether);
            _snapshot(string.concat("settle", suffix));
            _passWindow();
            ledger.finalize(job, round);
            _snapshot(string.concat("finalize", suffix));
        }
    }

    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfClaims() public {
        bytes32[] memory proof = new bytes32[](17);
        uint256[2] memory cumulative = [uint256(1 ether), 2 ether];
        for (uint64 round = 0; round < 2; ++round) {
            bytes32 root = Trees.claimLeaf(worker(0), cumulative[round]);
            for (uint256 i = 0; i < proof.length; ++i) {
                proof[i] = keccak256(abi.encode("sibling", i));
                root = root < proof[i]
                    ? keccak256(abi.encode(root, proof[i]))
                    : keccak256(abi.encode(proof[i], root));
            }
            _untilFinal(round, root, 5 ether);
            vm.prank(stranger);
            vault.claim(job, worker(0), cumulative[round], proof);
            _snapshot(round == 0 ? "claim, 17 siblings, first" : "claim, 17 siblings, later");
        }
    }

    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfABatchOfClaims() public {
        (bytes32 root, bytes32[] memory proofA, bytes32[] memory proofB) =
            Trees.claims(worker(0), 1 ether, worker(1), 2 ether);
        _untilFinal(0, root, 5 ether);
        IJobVault.Claim[] memory claims = new IJobVault.Claim[](2);
        claims[0] = IJobVault.Claim(job, worker(0), 1 ether, proofA);
        claims[1] = IJobVault.Claim(job, worker(1), 2 ether, proofB);
        vm.prank(stranger);
        vault.claimMany(claims);
        _snapshot("claimMany of 2, first");
    }

    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfStake() public {
        _fund(stranger, 10 ether);
        vm.prank(stranger);
        stakeVault.bond(5 ether);
        _snapshot("bond, first");
        vm.prank(stranger);
        stakeVault.bond(1 ether);
        _snapshot("bond, later");
        vm.prank(stranger);
        stakeVault.unbond(3 ether);
        _snapshot("unbond");
        vm.warp(block.timestamp + UNBONDING_DELAY);
        vm.prank(stranger);
        stakeVault.withdraw();
        _snapshot("withdraw");
    }

    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfDisputes() public {
        _untilSettled(0, "payouts", 5 ether);
        uint256 id = _dispute(0, 2);
        _snapshot("open dispute");
        IDisputes.Ballot[] memory ballots = _majority(0, 2, 2);
        disputes.decide(id, ballots);
        _snapshot("decide, 2 ballots, guilty");
        _anchorAndSeal(1);
        id = _dispute(1, 3);
        ballots = _majority(1, 3, 1);
        disputes.decide(id, ballots);
        _snapshot("decide, 2 ballots, valid");
    }

    /// forge-config: default.isolate = true
    /// forge-config: ci.isolate = true
    function test_GasOfJobs() public {
        _openJob("other");
        _snapshot("open job");
        vm.prank(owner);
        vault.close(job);
        _snapshot("close job");
        vault.refund(job);
        _snapshot("refund job");
    }

    function _snapshot(string memory name) private {
        vm.snapshotGasLastCall("Gas", name);
    }
}
