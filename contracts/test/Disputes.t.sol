// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {World} from "./base/World.sol";
import {Disputes} from "../src/Disputes.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev Opening, timing out and collecting; DisputesDecide.t.sol has the verdicts.
contract DisputesTest is World {
    uint32 private constant ACCUSED = 2;

    function test_ConstructorRefusesParametersOutOfRange() public {
        _expectWrongParameter(0, 1, 1, 1);
        _expectWrongParameter(33, 1, 1, 1);
        _expectWrongParameter(1, 0, 1, 1);
        _expectWrongParameter(1, 1, 0, 1);
        _expectWrongParameter(1, 1, 1, 0);
        _expectWrongParameter(1, 1, 1, 1e18 + 1);
    }

    function test_ConstructorRefusesStakeThatOutrunsDisputes() public {
        uint256 rest = 2 * uint256(SETTLE_WITHIN) + CHALLENGE_WINDOW;
        uint40 longest = uint40(UNBONDING_DELAY - rest);
        new Disputes(token, ledger, stakeVault, vault, 3, 1, longest, 1e18);
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputes.UnbondingTooShort.selector, UNBONDING_DELAY, UNBONDING_DELAY + 1
            )
        );
        new Disputes(token, ledger, stakeVault, vault, 3, 1, longest + 1, 1e18);
    }

    // Opening.

    function test_OpenRecordsTheDisputeTakesTheBondAndHolds() public {
        _untilSettled(0, "payouts", 1);
        uint40 decideBy = uint40(block.timestamp) + DECIDE_WITHIN;
        uint256 id = uint256(keccak256(abi.encode(job, uint64(0), worker(ACCUSED))));
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeOpened(job, 0, worker(ACCUSED), id, challenger, ACCUSED, decideBy);
        vm.assertEq(_dispute(0, ACCUSED), id);

        IDisputes.Dispute memory d = disputes.disputes(id);
        vm.assertEq(d.challenger, challenger);
        vm.assertEq(d.worker, worker(ACCUSED));
        vm.assertEq(d.job, job);
        vm.assertEq(d.round, 0);
        vm.assertEq(d.slot, ACCUSED);
        vm.assertEq(d.segments, SEGMENTS);
        vm.assertEq(d.decideBy, decideBy);
        vm.assertEq(d.commitment, disputes.hashCommitment(_commitment(0, ACCUSED)));
        vm.assertEq(uint256(d.state), uint256(IDisputes.State.Open));
        vm.assertEq(token.balanceOf(address(disputes)), CHALLENGE_BOND);
        vm.assertEq(ledger.rounds(job, 0).disputes, 1);
        (,,, uint16 holds) = stakeVault.accounts(worker(ACCUSED));
        vm.assertEq(holds, 1);
        vm.assertEq(disputes.idOf(job, 0, worker(ACCUSED)), id);
    }

    /// @dev A culprit that accuses itself early must not run the dispute out before the audit ends.
    function test_TheTimeToDecideASealedRoundStartsWhenItsAuditEnds() public {
        _anchorAndSeal(0);
        uint256 id = _dispute(0, ACCUSED);
        vm.assertEq(disputes.disputes(id).decideBy, ledger.rounds(job, 0).deadline + DECIDE_WITHIN);
    }

    function test_OpenWorksAtEverySlotOfTheTree() public {
        _anchorAndSeal(0);
        for (uint32 i = 0; i < AUDITORS; ++i) {
            _dispute(0, i);
        }
        vm.assertEq(ledger.rounds(job, 0).disputes, AUDITORS);
    }

    function test_OpenRefusesTheVendorClass() public {
        _anchorAndSeal(0);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotSlashable.selector, 2));
        this.openDispute(0, AUDITORS);
    }

    function test_OpenRefusesACommitmentWithoutSegments() public {
        _anchorAndSeal(0);
        IDisputes.Commitment memory c = _commitment(0, ACCUSED);
        c.segments = 0;
        bytes memory signature = _sign(_key(ACCUSED), disputes.hashCommitment(c));
        vm.expectRevert(IDisputes.NoSegments.selector);
        _open(c, signature, ACCUSED, new bytes32[](0));
    }

    function test_OpenRefusesASecondDisputeEvenAfterTheFirstEnded() public {
        _untilSettled(0, "payouts", 1);
        uint256 id = _dispute(0, ACCUSED);
        bytes memory revertData = abi.encodeWithSelector(IDisputes.AlreadyDisputed.selector, id);
        vm.expectRevert(revertData);
        this.openDispute(0, ACCUSED);
        vm.warp(block.timestamp + DECIDE_WITHIN + 1);
        disputes.timeout(id);
        vm.expectRevert(revertData);
        this.openDispute(0, ACCUSED);
    }

    function test_OpenRefusesASignatureThatIsNotTheWorkers() public {
        _anchorAndSeal(0);
        IDisputes.Commitment memory c = _commitment(0, ACCUSED);
        bytes32 structHash = disputes.hashCommitment(c);
        bytes32[] memory proof = _proof(0, ACCUSED);
        bytes memory revertData =
            abi.encodeWithSelector(IDisputes.WrongSignature.selector, worker(ACCUSED));

        bytes memory other = _sign(_key(1), structHash);
        vm.expectRevert(revertData);
        _open(c, other, ACCUSED, proof);
        vm.expectRevert(revertData);
        _open(c, "", ACCUSED, proof);
        bytes memory mirrored = _mirrored(_sign(_key(ACCUSED), structHash));
        vm.expectRevert(revertData);
        _open(c, mirrored, ACCUSED, proof);
        bytes memory elsewhere = _sign(_key(ACCUSED), structHash);
        vm.chainId(1);
        vm.expectRevert(revertData);
        _open(c, elsewhere, ACCUSED, proof);
    }

    function test_OpenRefusesWorkThatIsNotInTheRound() public {
        _anchorAndSeal(0);
        bytes32[] memory proof = _proof(0, ACCUSED);
        bytes memory revertData =
            abi.encodeWithSelector(IDisputes.NotCommitted.selector, worker(ACCUSED), ACCUSED);

        IDisputes.Commitment memory c = _commitment(0, ACCUSED);
        c.updateRoot = "another";
        bytes memory signature = _sign(_key(ACCUSED), disputes.hashCommitment(c));
        vm.expectRevert(revertData);
        _open(c, signature, ACCUSED, proof);

        c = _commitment(0, ACCUSED);
        signature = _sign(_key(ACCUSED), disputes.hashCommitment(c));
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotCommitted.selector, worker(ACCUSED), 3));
        _open(c, signature, 3, proof);

        c = _commitment(7, ACCUSED);
        signature = _sign(_key(ACCUSED), disputes.hashCommitment(c));
        vm.expectRevert(revertData);
        _open(c, signature, ACCUSED, proof);
    }

    function test_OpenRefusesARoundWithoutOtherAuditors() public {
        (bytes32 root, bytes32[] memory proof) =
            (sha256(abi.encodePacked(bytes1(0x00), _items(0)[0])), new bytes32[](0));
        root = sha256(abi.encodePacked(bytes1(0x02), uint64(1), root));
        vm.prank(coordinator);
        ledger.anchor(job, 0, root, 1, 1, BASE_MODEL);
        _seal(0);
        IDisputes.Commitment memory c = _commitment(0, 0);
        bytes memory signature = _sign(_key(0), disputes.hashCommitment(c));
        vm.expectRevert(IDisputes.NoAuditors.selector);
        _open(c, signature, 0, proof);
    }

    function test_OpenRefusesRoundsThatCannotBeDisputed() public {
        _anchor(0);
        vm.expectRevert(
            abi.encodeWithSelector(IRoundLedger.WrongPhase.selector, IRoundLedger.Phase.Anchored)
        );
        this.openDispute(0, ACCUSED);
        _seal(0);
        _settle(0, "payouts", 1);
        uint40 until = ledger.rounds(job, 0).disputableUntil;
        vm.warp(until + 1);
        vm.expectRevert(abi.encodeWithSelector(IRoundLedger.TooLate.selector, until));
        this.openDispute(0, ACCUSED);
    }

    // Running out.

    function test_TimeoutDismissesAndReturnsTheBond() public {
        _untilSettled(0, "payouts", 1);
        uint256 id = _dispute(0, ACCUSED);
        uint40 decideBy = disputes.disputes(id).decideBy;
        vm.warp(decideBy);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.TooEarly.selector, decideBy));
        disputes.timeout(id);

        vm.warp(decideBy + 1);
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeDismissed(job, 0, worker(ACCUSED), id);
        vm.prank(stranger);
        disputes.timeout(id);
        vm.assertEq(uint256(disputes.disputes(id).state), uint256(IDisputes.State.Dismissed));
        vm.assertEq(disputes.credits(challenger), CHALLENGE_BOND);
        (uint96 bonded,,, uint16 holds) = stakeVault.accounts(worker(ACCUSED));
        vm.assertEq(bonded, STAKE);
        vm.assertEq(holds, 0);
        vm.assertEq(ledger.rounds(job, 0).disputes, 0);
        _assertPhase(0, IRoundLedger.Phase.Settled);

        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotOpen.selector, id));
        disputes.timeout(id);
    }

    function test_TimeoutOfASealedRoundLetsItSettle() public {
        _anchorAndSeal(0);
        uint256 id = _dispute(0, ACCUSED);
        vm.warp(disputes.disputes(id).decideBy + 1);
        disputes.timeout(id);
        _settle(0, "payouts", 1);
        _passWindow();
        ledger.finalize(job, 0);
    }

    function test_TimeoutRefusesUnknownDisputes() public {
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotOpen.selector, 5));
        disputes.timeout(5);
    }

    // Collecting.

    function test_CollectPaysCreditsOnce() public {
        _untilSettled(0, "payouts", 1);
        uint256 id = _dispute(0, ACCUSED);
        vm.warp(block.timestamp + DECIDE_WITHIN + 1);
        disputes.timeout(id);
        uint256 before = token.balanceOf(challenger);
        vm.expectEmit(address(disputes));
        emit IDisputes.Collected(challenger, CHALLENGE_BOND);
        vm.prank(challenger);
        vm.assertEq(disputes.collect(), CHALLENGE_BOND);
        vm.assertEq(token.balanceOf(challenger) - before, CHALLENGE_BOND);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NothingToCollect.selector, challenger));
        vm.prank(challenger);
        disputes.collect();
    }

    /// @dev A single external call, for expectRevert.
    function openDispute(uint64 round, uint32 index) external {
        _dispute(round, index);
    }

    function _open(
        IDisputes.Commitment memory c,
        bytes memory signature,
        uint32 slot,
        bytes32[] memory proof
    ) private {
        vm.prank(challenger);
        disputes.open(c, signature, slot, proof);
    }

    /// @dev The other signature that plain ECDSA accepts for the same digest: s in the upper half.
    function _mirrored(bytes memory signature) private pure returns (bytes memory) {
        uint256 order = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141;
        bytes32 r;
        uint256 s;
        assembly ("memory-safe") {
            r := mload(add(signature, 32))
            s := mload(add(signature, 64))
        }
        uint8 v = uint8(signature[64]) == 27 ? 28 : 27;
        return abi.encodePacked(r, order - s, v);
    }

    function _expectWrongParameter(uint32 size, uint96 bond, uint40 within, uint256 fraction)
        private
    {
        vm.expectRevert(IDisputes.WrongParameter.selector);
        new Disputes(token, ledger, stakeVault, vault, size, bond, within, fraction);
    }
}
