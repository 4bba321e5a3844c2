// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {FalseToken, ReentrantToken} from "./base/HostileTokens.sol";
import {Trees} from "./base/Trees.sol";
import {World} from "./base/World.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev A token that fails silently: no contract may believe it was paid, or that it paid.
contract FalseTokenTest is World {
    FalseToken private hostile;

    function setUp() public override {
        vm.warp(1_800_000_000);
        vm.roll(1_000);
        hostile = new FalseToken();
        _deploy(hostile);
        for (uint32 i = 0; i < WORKERS; ++i) {
            _fund(worker(i), 2 * STAKE);
            vm.prank(worker(i));
            stakeVault.bond(STAKE);
        }
        _fund(owner, 2 * DEPOSIT);
        _fund(challenger, 10 * CHALLENGE_BOND);
        job = _openJob(SALT);
        _untilFinal(0, Trees.claimLeaf(worker(0), 5 ether), 5 ether);
    }

    function test_DepositsFail() public {
        hostile.lie();
        _expectFailure();
        vm.prank(worker(0));
        stakeVault.bond(1);
        _expectFailure();
        vm.prank(owner);
        vault.fund(job, 1);
        _expectFailure();
        vm.prank(owner);
        vault.open("other", 1, "spec", coordinator, 1);
    }

    function test_PayoutsFail() public {
        vm.prank(worker(0));
        stakeVault.unbond(STAKE);
        vm.warp(block.timestamp + UNBONDING_DELAY);
        vm.prank(owner);
        vault.close(job);
        hostile.lie();
        _expectFailure();
        vm.prank(worker(0));
        stakeVault.withdraw();
        _expectFailure();
        vault.claim(job, worker(0), 5 ether, new bytes32[](0));
        _expectFailure();
        vault.refund(job);
        vm.assertEq(vault.claimedBy(job, worker(0)), 0);
    }

    function test_AnUnpaidBondOpensNoDispute() public {
        _anchorAndSeal(1);
        hostile.lie();
        _expectFailure();
        this.openDispute(1, 0);
    }

    function openDispute(uint64 round, uint32 index) external {
        _dispute(round, index);
    }

    function _expectFailure() private {
        vm.expectRevert(
            abi.encodeWithSelector(SafeERC20.SafeERC20FailedOperation.selector, address(hostile))
        );
    }
}

/// @dev A token that calls back: nothing may be paid twice, and no contract may be re-entered.
contract ReentrantTokenTest is World {
    uint32 private constant ACCUSED = 2;
    ReentrantToken private hostile;

    function setUp() public override {
        vm.warp(1_800_000_000);
        vm.roll(1_000);
        hostile = new ReentrantToken();
        _deploy(hostile);
        for (uint32 i = 0; i < WORKERS; ++i) {
            _fund(worker(i), STAKE);
            vm.prank(worker(i));
            stakeVault.bond(STAKE);
        }
        _fund(owner, 2 * DEPOSIT);
        _fund(challenger, 10 * CHALLENGE_BOND);
        job = _openJob(SALT);
    }

    function test_WithdrawPaysOnce() public {
        _fund(stranger, STAKE);
        vm.prank(stranger);
        stakeVault.bondFor(address(hostile), STAKE);
        hostile.act(address(stakeVault), abi.encodeCall(stakeVault.unbond, (STAKE)));
        vm.warp(block.timestamp + UNBONDING_DELAY);
        bytes memory withdrawal = abi.encodeCall(stakeVault.withdraw, ());
        hostile.arm(address(stakeVault), withdrawal);
        hostile.act(address(stakeVault), withdrawal);
        _assertRefused();
        vm.assertEq(token.balanceOf(address(hostile)), STAKE);
    }

    function test_ClaimPaysOnce() public {
        bytes32 leaf = Trees.claimLeaf(address(hostile), 5 ether);
        _untilFinal(0, leaf, 5 ether);
        _untilFinal(1, leaf, 5 ether);
        bytes memory claim =
            abi.encodeCall(vault.claim, (job, address(hostile), 5 ether, new bytes32[](0)));
        hostile.arm(address(vault), claim);
        hostile.act(address(vault), claim);
        _assertRefused();
        vm.assertEq(token.balanceOf(address(hostile)), 5 ether);
    }

    function test_RefundPaysOnce() public {
        vm.prank(owner);
        vault.close(job);
        hostile.arm(address(vault), abi.encodeCall(vault.refund, (job)));
        vault.refund(job);
        _assertRefused();
        vm.assertEq(token.balanceOf(address(vault)), 0);
    }

    function test_AClaimWithinARefundIsRefused() public {
        _untilFinal(0, Trees.claimLeaf(stranger, 5 ether), 5 ether);
        vm.prank(owner);
        vault.close(job);
        hostile.arm(
            address(vault), abi.encodeCall(vault.claim, (job, stranger, 5 ether, new bytes32[](0)))
        );
        vault.refund(job);
        _assertRefused();
        vm.assertEq(vault.claim(job, stranger, 5 ether, new bytes32[](0)), 5 ether);
    }

    function test_ADisputeCannotEndWhileItIsDecided() public {
        _untilSettled(0, "payouts", 1);
        uint256 id = _dispute(0, ACCUSED);
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, 2);
        // The burnt half of the slash is what moves tokens here.
        hostile.arm(address(disputes), abi.encodeCall(disputes.decide, (id, ballots)));
        disputes.decide(id, ballots);
        _assertRefused();
        vm.assertEq(disputes.credits(challenger), CHALLENGE_BOND);
        _assertPhase(0, IRoundLedger.Phase.Rejected);
    }

    function test_ADisputeCannotBeDecidedWhileItIsOpened() public {
        _untilSettled(0, "payouts", 1);
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, 2);
        uint256 id = disputes.idOf(job, 0, worker(ACCUSED));
        hostile.arm(address(disputes), abi.encodeCall(disputes.decide, (id, ballots)));
        _dispute(0, ACCUSED);
        _assertRefused();
        vm.assertEq(uint256(disputes.disputes(id).state), uint256(IDisputes.State.Open));
    }

    function test_CreditsArePaidOnce() public {
        _untilSettled(0, "payouts", 1);
        vm.prank(challenger);
        IERC20(address(hostile)).transfer(address(hostile), CHALLENGE_BOND);
        hostile.act(
            address(hostile), abi.encodeCall(hostile.approve, (address(disputes), CHALLENGE_BOND))
        );
        IDisputes.Commitment memory c = _commitment(0, ACCUSED);
        bytes memory signature = _sign(_key(ACCUSED), disputes.hashCommitment(c));
        bytes memory opening =
            abi.encodeCall(disputes.open, (c, signature, ACCUSED, _proof(0, ACCUSED)));
        hostile.act(address(disputes), opening);
        vm.warp(block.timestamp + DECIDE_WITHIN + 1);
        disputes.timeout(disputes.idOf(job, 0, worker(ACCUSED)));

        bytes memory collection = abi.encodeCall(disputes.collect, ());
        hostile.arm(address(disputes), collection);
        hostile.act(address(disputes), collection);
        _assertRefused();
        vm.assertEq(token.balanceOf(address(hostile)), CHALLENGE_BOND);
    }

    function _assertRefused() private view {
        vm.assertTrue(hostile.called(), "the token was never asked to move");
        vm.assertFalse(hostile.succeeded());
    }
}
