// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {World} from "./base/World.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev What disputes do to rounds, and rejected rounds to those settled on them.
contract RoundLedgerDisputesTest is World {
    function test_OnlyDisputesNoteAndClose() public {
        bytes memory denied = abi.encodeWithSelector(IRoundLedger.NotDisputes.selector, stranger);
        vm.expectRevert(denied);
        vm.prank(stranger);
        ledger.noteDispute(job, 0);
        vm.expectRevert(denied);
        vm.prank(stranger);
        ledger.closeDispute(job, 0, true);
    }

    function test_NoteOnlySealedOrInTheWindow() public {
        _anchor(0);
        _expectWrongPhase(IRoundLedger.Phase.Anchored);
        _note(0);
        _seal(0);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.DisputeNoted(job, 0, 1);
        _note(0);
        _close(0, false);
        _settle(0, "payouts", 1);
        uint40 until = ledger.rounds(job, 0).disputableUntil;
        vm.warp(until);
        _note(0);
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooLate.selector, until));
        _note(0);
        _close(0, false);
        ledger.finalize(job, 0);
        _expectWrongPhase(IRoundLedger.Phase.Final);
        _note(0);
    }

    function test_ADisputeGivesTheCoordinatorItsTimeBackOnce() public {
        _anchorAndSeal(0);
        uint40 until = ledger.rounds(job, 0).deadline;
        vm.warp(until);
        _note(0);
        vm.warp(until + DECIDE_WITHIN);
        _close(0, false);
        IRoundLedger.Round memory r = ledger.rounds(job, 0);
        vm.assertEq(r.deadline, until + DECIDE_WITHIN + SETTLE_WITHIN);
        vm.assertEq(r.disputableUntil, until);
        // Otherwise disputes could follow each other for ever.
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooLate.selector, until));
        _note(0);
        _settle(0, "payouts", 1);
        _note(0);
    }

    function test_AnUpheldDisputeRejectsASettledRound() public {
        _untilSettled(0, "payouts", 5 ether);
        _note(0);
        _note(0);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.DisputeClosed(job, 0, true, 1);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Rejected(job, 0);
        _close(0, true);
        _assertPhase(0, IRoundLedger.Phase.Rejected);
        vm.assertEq(vault.jobs(job).reserved, 0);
        vm.assertEq(ledger.openRounds(job), 0);
        vm.assertEq(ledger.firstUnended(job), 1);
        _close(0, true);
        vm.assertEq(ledger.openRounds(job), 0, "the second dispute changes nothing");
        _passWindow();
        _expectWrongPhase(IRoundLedger.Phase.Rejected);
        ledger.finalize(job, 0);
    }

    // Cascade.

    function test_ARejectionTakesTheRoundsSettledOnItAlong() public {
        _untilSettled(0, "payouts 0", 1 ether);
        _untilSettled(1, "payouts 1", 1 ether);
        _untilSettled(2, "payouts 2", 1 ether);
        _note(1);
        _close(1, true);
        _untilSettled(3, "payouts 3", 1 ether);
        _passWindow();

        ledger.finalize(job, 0);
        _assertPhase(0, IRoundLedger.Phase.Final);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Rejected(job, 2);
        ledger.finalize(job, 2);
        ledger.finalize(job, 3);
        _assertPhase(2, IRoundLedger.Phase.Rejected);
        _assertPhase(3, IRoundLedger.Phase.Final);
        vm.assertEq(vault.jobs(job).payoutRoot, "payouts 3");
        vm.assertEq(vault.jobs(job).released, 2 ether);
        vm.assertEq(vault.jobs(job).reserved, 0);
    }

    function test_ARejectionLeavesTheRoundsBelowIt() public {
        _untilSettled(0, "payouts 0", 1 ether);
        _untilSettled(1, "payouts 1", 1 ether);
        _untilSettled(2, "payouts 2", 1 ether);
        _note(2);
        _close(2, true);
        _passWindow();
        ledger.finalize(job, 0);
        ledger.finalize(job, 1);
        _assertPhase(1, IRoundLedger.Phase.Final);
        vm.assertEq(ledger.firstUnended(job), 3);
    }

    function test_ALaterSettlementOfALowerRoundStands() public {
        _untilSettled(0, "payouts 0", 1 ether);
        _anchorAndSeal(1);
        _untilSettled(2, "payouts 2", 1 ether);
        _note(0);
        _close(0, true);
        _settle(1, "payouts 1", 1 ether);
        _passWindow();
        ledger.finalize(job, 1);
        ledger.finalize(job, 2);
        _assertPhase(1, IRoundLedger.Phase.Final);
        _assertPhase(2, IRoundLedger.Phase.Rejected);
        vm.assertEq(vault.jobs(job).payoutRoot, "payouts 1");
    }

    function _note(uint64 round) private {
        vm.prank(address(disputes));
        ledger.noteDispute(job, round);
    }

    function _close(uint64 round, bool upheld) private {
        vm.prank(address(disputes));
        ledger.closeDispute(job, round, upheld);
    }

    function _expectWrongPhase(IRoundLedger.Phase phase) private {
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.WrongPhase.selector, phase));
    }
}
