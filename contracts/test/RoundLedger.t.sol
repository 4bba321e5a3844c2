// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Headers} from "./base/Headers.sol";
import {World} from "./base/World.sol";
import {RoundLedger} from "../src/RoundLedger.sol";
import {IJobVault} from "../src/interfaces/IJobVault.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

contract RoundLedgerTest is World {
    address private constant HISTORY = 0x0000F90827F1C53a10cb7A02335B175320002935;

    function test_ConstructorRefusesZeroes() public {
        vm.expectRevert(IRoundLedger.ZeroParameter.selector);
        new RoundLedger(IJobVault(address(0)), address(1), 1, 1, 1);
        vm.expectRevert(IRoundLedger.ZeroParameter.selector);
        new RoundLedger(vault, address(0), 1, 1, 1);
        vm.expectRevert(IRoundLedger.ZeroParameter.selector);
        new RoundLedger(vault, address(1), 0, 1, 1);
        vm.expectRevert(IRoundLedger.ZeroParameter.selector);
        new RoundLedger(vault, address(1), 1, 0, 1);
        vm.expectRevert(IRoundLedger.ZeroParameter.selector);
        new RoundLedger(vault, address(1), 1, 1, 0);
    }

    // Anchor.

    function test_AnchorRecordsTheRound() public {
        uint40 drawBlock = uint40(block.number) + SEAL_DELAY;
        uint40 deadline = uint40(block.timestamp) + SETTLE_WITHIN;
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Anchored(job, 0, "root", 9, 4, "base", drawBlock, deadline);
        vm.prank(coordinator);
        ledger.anchor(job, 0, "root", 9, 4, "base");

        IRoundLedger.Round memory r = ledger.rounds(job, 0);
        vm.assertEq(r.commitRoot, "root");
        vm.assertEq(r.baseModelRoot, "base");
        vm.assertEq(r.seed, 0);
        vm.assertEq(r.drawBlock, drawBlock);
        vm.assertEq(r.anchorBlock, block.number);
        vm.assertEq(r.deadline, deadline);
        vm.assertEq(r.disputableUntil, deadline);
        vm.assertEq(r.slots, 9);
        vm.assertEq(r.auditorSlots, 4);
        _assertPhase(0, IRoundLedger.Phase.Anchored);
        vm.assertEq(ledger.nextRound(job), 1);
        vm.assertEq(ledger.openRounds(job), 1);
        vm.assertEq(ledger.firstUnended(job), 0);
    }

    function test_AnchorIsTheCoordinators() public {
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.NotCoordinator.selector, owner));
        vm.prank(owner);
        ledger.anchor(job, 0, "root", 9, 4, "base");
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.NotCoordinator.selector, coordinator));
        vm.prank(coordinator);
        ledger.anchor("none", 0, "root", 9, 4, "base");
    }

    function test_AnchorHappensOncePerRoundAndInOrder() public {
        _anchor(0);
        _expectAnchorRevert(
            0, 9, 4, abi.encodeWithSelector(IRoundLedger.NotNextRound.selector, 0, 1)
        );
        _expectAnchorRevert(
            2, 9, 4, abi.encodeWithSelector(IRoundLedger.NotNextRound.selector, 2, 1)
        );
        _anchor(1);
    }

    function test_AnchorRefusesWrongSlots() public {
        _expectAnchorRevert(0, 0, 0, abi.encodeWithSelector(IRoundLedger.WrongSlots.selector, 0, 0));
        _expectAnchorRevert(0, 5, 6, abi.encodeWithSelector(IRoundLedger.WrongSlots.selector, 5, 6));
        uint32 max = 1 << 20;
        _expectAnchorRevert(
            0, max + 1, 1, abi.encodeWithSelector(IRoundLedger.WrongSlots.selector, max + 1, 1)
        );
        vm.prank(coordinator);
        ledger.anchor(job, 0, "root", max, max, "base");
    }

    function test_AnchorRefusesAClosedJob() public {
        vm.prank(owner);
        vault.close(job);
        _expectAnchorRevert(0, 9, 4, abi.encodeWithSelector(IRoundLedger.JobNotOpen.selector, job));
    }

    // Seal and redraw.

    function test_SealDrawsTheSeedFromTheDrawBlock() public {
        _anchor(0);
        IRoundLedger.Round memory r = ledger.rounds(job, 0);
        vm.roll(r.drawBlock + 1);
        bytes memory header = _mined(r.drawBlock);
        bytes32 prevRandao = keccak256(abi.encode("prevrandao", uint256(r.drawBlock)));
        bytes32 seed = keccak256(abi.encode(job, uint256(0), r.commitRoot, prevRandao));
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Sealed(job, 0, seed);
        vm.prank(stranger);
        ledger.seal(job, 0, header);
        vm.assertEq(ledger.rounds(job, 0).seed, seed);
        _assertPhase(0, IRoundLedger.Phase.Sealed);
    }

    /// @dev Block 3 of an anvil chain at the Osaka fork: our headers are the ones clients hash.
    function test_TheTestsHeadersAreRealOnes() public pure {
        bytes memory header = Headers.encode(
            Headers.Fields({
                parentHash: 0x61fe3d546f3a035af0424601bd789dfa906838a8ec63c630a654cfea60d88206,
                stateRoot: 0x48f5830ee86e684cbfc52cce332054f6b0689adfa08c77658e87a96c9e85df44,
                number: 3,
                gasLimit: 0x1c9c380,
                timestamp: 0x6b03317c,
                prevRandao: 0xb189c3f5c2e86963e790ed544105cc9d8d13f1a1d520fee4eb8cadd6bdcb95be,
                baseFee: 0x2da282a8
            })
        );
        vm.assertEq(
            keccak256(header), 0xaa0daaed2ca0a4f5d07f7111cd53c8375633eaa740a29e5bebd57ce7fed399be
        );
    }

    function test_SealWaitsForTheDrawBlock() public {
        _anchor(0);
        uint40 drawBlock = ledger.rounds(job, 0).drawBlock;
        vm.roll(drawBlock);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooEarly.selector, drawBlock));
        ledger.seal(job, 0, "");
    }

    function test_SealRefusesOtherHeaders() public {
        _anchor(0);
        uint40 drawBlock = ledger.rounds(job, 0).drawBlock;
        vm.roll(drawBlock + 10);
        bytes memory header = _mined(drawBlock);
        bytes memory wrong = abi.encodeWithSelector(IRoundLedger.WrongHeader.selector, drawBlock);

        bytes memory later = _mined(drawBlock + 1);
        bytes memory chosen = Headers.encode(drawBlock, "chosen");
        vm.expectRevert(wrong);
        ledger.seal(job, 0, later);
        vm.expectRevert(wrong);
        ledger.seal(job, 0, chosen);
        vm.expectRevert(wrong);
        ledger.seal(job, 0, "");
        vm.expectRevert(wrong);
        ledger.seal(job, 0, abi.encodePacked(header, hex"00"));
        ledger.seal(job, 0, header);
    }

    function test_SealHappensOnce() public {
        _anchorAndSeal(0);
        _expectWrongPhase(IRoundLedger.Phase.Sealed);
        ledger.seal(job, 0, "");
        _expectWrongPhase(IRoundLedger.Phase.None);
        ledger.seal(job, 1, "");
    }

    function test_SealReadsOldHashesFromTheHistoryContract() public {
        (uint40 drawBlock, bytes memory header) = _anchorWithHistory();
        vm.roll(drawBlock + 8191);
        ledger.seal(job, 0, header);
        _assertPhase(0, IRoundLedger.Phase.Sealed);
    }

    function test_RedrawOnlyOnceTheOldBlockIsForgotten() public {
        (uint40 drawBlock, bytes memory header) = _anchorWithHistory();
        vm.roll(drawBlock + 8191);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooEarly.selector, drawBlock + 8191));
        ledger.redraw(job, 0);

        vm.roll(drawBlock + 8192);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.WrongHeader.selector, drawBlock));
        ledger.seal(job, 0, header);
        uint40 again = uint40(block.number) + SEAL_DELAY;
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Redrawn(job, 0, again);
        vm.prank(stranger);
        ledger.redraw(job, 0);
        vm.assertEq(ledger.rounds(job, 0).drawBlock, again);
        _seal(0);
        _expectWrongPhase(IRoundLedger.Phase.Sealed);
        ledger.redraw(job, 0);
    }

    // Settle.

    function test_SettleReservesThePayAndOpensTheWindow() public {
        _anchorAndSeal(0);
        uint40 deadline = uint40(block.timestamp) + CHALLENGE_WINDOW;
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Settled(job, 0, "payouts", "model", 5 ether, deadline);
        vm.prank(coordinator);
        ledger.settle(job, 0, "payouts", "model", 5 ether);
        IRoundLedger.Round memory r = ledger.rounds(job, 0);
        vm.assertEq(r.payoutRoot, "payouts");
        vm.assertEq(r.modelRoot, "model");
        vm.assertEq(r.pay, 5 ether);
        vm.assertEq(r.deadline, deadline);
        vm.assertEq(r.disputableUntil, deadline);
        _assertPhase(0, IRoundLedger.Phase.Settled);
        vm.assertEq(vault.jobs(job).reserved, 5 ether);
        vm.assertEq(ledger.openRounds(job), 1);
    }

    function test_SettleNeedsCoordinatorSealAndTime() public {
        _anchor(0);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.NotCoordinator.selector, stranger));
        vm.prank(stranger);
        ledger.settle(job, 0, "payouts", "model", 1);
        _expectWrongPhase(IRoundLedger.Phase.Anchored);
        _settle(0, "payouts", 1);
        _seal(0);
        uint40 deadline = ledger.rounds(job, 0).deadline;
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooLate.selector, deadline));
        _settle(0, "payouts", 1);
        vm.warp(deadline);
        _settle(0, "payouts", 1);
        _expectWrongPhase(IRoundLedger.Phase.Settled);
        _settle(0, "payouts", 1);
    }

    function test_SettleRefusesMoreThanTheJobPaysForARound() public {
        _anchorAndSeal(0);
        vm.expectRevert(
            abi.encodeWithSelector(IJobVault.PayAboveMax.selector, ROUND_PAY_MAX + 1, ROUND_PAY_MAX)
        );
        _settle(0, "payouts", ROUND_PAY_MAX + 1);
    }

    function test_SettleWaitsForDisputes() public {
        _anchorAndSeal(0);
        _note(0);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.DisputesOpen.selector, 1));
        _settle(0, "payouts", 1);
        _close(0, true);
        _assertPhase(0, IRoundLedger.Phase.Sealed);
        _settle(0, "payouts", 1);
    }

    function test_SettleWorksAfterTheJobWasClosed() public {
        _anchorAndSeal(0);
        vm.prank(owner);
        vault.close(job);
        _settle(0, "payouts", 5 ether);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.RoundsOpen.selector, job, 1));
        vault.refund(job);
        _passWindow();
        ledger.finalize(job, 0);
        vm.assertEq(vault.refund(job), DEPOSIT - 5 ether);
    }

    // Finalize.

    function test_FinalizeReleasesAfterTheWindow() public {
        _untilSettled(0, "payouts", 5 ether);
        uint40 deadline = ledger.rounds(job, 0).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooEarly.selector, deadline));
        ledger.finalize(job, 0);

        vm.warp(deadline + 1);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Finalized(job, 0, "payouts", 5 ether);
        vm.prank(stranger);
        ledger.finalize(job, 0);
        _assertPhase(0, IRoundLedger.Phase.Final);
        vm.assertEq(vault.jobs(job).released, 5 ether);
        vm.assertEq(vault.jobs(job).reserved, 0);
        vm.assertEq(vault.jobs(job).payoutRoot, "payouts");
        vm.assertEq(ledger.openRounds(job), 0);
        vm.assertEq(ledger.firstUnended(job), 1);
        _expectWrongPhase(IRoundLedger.Phase.Final);
        ledger.finalize(job, 0);
    }

    function test_FinalizeWaitsForDisputes() public {
        _untilSettled(0, "payouts", 1);
        _note(0);
        _passWindow();
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.DisputesOpen.selector, 1));
        ledger.finalize(job, 0);
        _close(0, false);
        ledger.finalize(job, 0);
    }

    function test_FinalizeKeepsTheOrderOfRounds() public {
        _untilSettled(0, "payouts 0", 1);
        _untilSettled(1, "payouts 1", 1);
        _passWindow();
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.NotInOrder.selector, 1, 0));
        ledger.finalize(job, 1);
        ledger.finalize(job, 0);
        ledger.finalize(job, 1);
        vm.assertEq(vault.jobs(job).payoutRoot, "payouts 1");
    }

    function test_FinalizePassesLapsedRounds() public {
        _anchor(0);
        vm.warp(block.timestamp + SETTLE_WITHIN);
        _untilSettled(1, "payouts 1", 1);
        _passWindow();
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.NotInOrder.selector, 1, 0));
        ledger.finalize(job, 1);
        ledger.lapse(job, 0);
        ledger.finalize(job, 1);
        vm.assertEq(ledger.firstUnended(job), 2);
    }

    // Lapse.

    function test_LapseEndsARoundThatWasNotSettled() public {
        _anchor(0);
        _anchorAndSeal(1);
        uint40 deadline = ledger.rounds(job, 0).deadline;
        vm.warp(deadline);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooEarly.selector, deadline));
        ledger.lapse(job, 0);
        vm.warp(deadline + 1);
        vm.expectEmit(address(ledger));
        emit IRoundLedger.Lapsed(job, 1);
        vm.prank(stranger);
        ledger.lapse(job, 1);
        vm.assertEq(ledger.firstUnended(job), 0);
        ledger.lapse(job, 0);
        vm.assertEq(ledger.firstUnended(job), 2);
        vm.assertEq(ledger.openRounds(job), 0);
        _expectWrongPhase(IRoundLedger.Phase.Lapsed);
        ledger.lapse(job, 0);
    }

    function test_LapseRefusesSettledRoundsAndWaitsForDisputes() public {
        _untilSettled(0, "payouts", 1);
        _passWindow();
        _expectWrongPhase(IRoundLedger.Phase.Settled);
        ledger.lapse(job, 0);

        _anchorAndSeal(1);
        _note(1);
        vm.warp(block.timestamp + SETTLE_WITHIN + 1);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.DisputesOpen.selector, 1));
        ledger.lapse(job, 1);
    }

    function test_AdvanceCatchesUpWithManyRoundsEndedOutOfOrder() public {
        uint64 many = uint64(ledger.ADVANCE_MAX()) + 5;
        for (uint64 round = 0; round < many; ++round) {
            vm.prank(coordinator);
            ledger.anchor(job, round, "root", 1, 1, "base");
        }
        vm.warp(block.timestamp + SETTLE_WITHIN + 1);
        for (uint64 round = many - 1; round > 0; --round) {
            ledger.lapse(job, round);
        }
        vm.assertEq(ledger.firstUnended(job), 0);
        ledger.lapse(job, 0);
        vm.assertEq(ledger.firstUnended(job), ledger.ADVANCE_MAX());
        ledger.advance(job);
        vm.assertEq(ledger.firstUnended(job), many);
        ledger.advance(job);
        vm.assertEq(ledger.firstUnended(job), many);
        vm.assertEq(ledger.openRounds(job), 0);
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

    function _expectAnchorRevert(
        uint64 round,
        uint32 slots,
        uint32 auditorSlots,
        bytes memory revertData
    ) private {
        vm.expectRevert(revertData);
        vm.prank(coordinator);
        ledger.anchor(job, round, "root", slots, auditorSlots, "base");
    }

    /// @dev Anchors a round and lets EIP-2935's own code serve the hash of its draw block.
    function _anchorWithHistory() private returns (uint40 drawBlock, bytes memory header) {
        _anchor(0);
        drawBlock = ledger.rounds(job, 0).drawBlock;
        header = Headers.encode(drawBlock, "prevrandao");
        vm.etch(
            HISTORY,
            hex"3373fffffffffffffffffffffffffffffffffffffffe14604657602036036042575f35600143038111604257611fff81430311604257611fff9006545f5260205ff35b5f5ffd5b5f35611fff60014303065500"
        );
        vm.roll(drawBlock + 1);
        vm.prank(0xffffFFFfFFffffffffffffffFfFFFfffFFFfFFfE);
        (bool stored,) = HISTORY.call(abi.encode(keccak256(header)));
        vm.assertTrue(stored);
    }
}
