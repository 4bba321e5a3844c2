// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "./base/Trees.sol";
import {World} from "./base/World.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev Verdicts: worker 2 of round 0 is accused, 3 of the 4 other auditors are its committee.
contract DisputesDecideTest is World {
    uint32 private constant ACCUSED = 2;
    uint8 private constant VALID = 1;
    uint8 private constant STATE_MISMATCH = 2;
    uint8 private constant UPDATE_MISMATCH = 3;

    uint256 private id;

    function setUp() public override {
        super.setUp();
        _untilSettled(0, "payouts", 5 ether);
        id = _dispute(0, ACCUSED);
    }

    function test_AGuiltyMajoritySlashesAndRejects() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        uint256 slashed = STAKE * FAULT_FRACTION / 1e18;
        vm.expectEmit(address(disputes));
        emit IDisputes.DisputeDecided(job, 0, worker(ACCUSED), id, true, slashed);
        vm.prank(stranger);
        disputes.decide(id, ballots);

        vm.assertEq(uint256(disputes.disputes(id).state), uint256(IDisputes.State.Upheld));
        vm.assertEq(disputes.credits(challenger), CHALLENGE_BOND);
        vm.assertEq(stakeVault.credits(challenger), slashed * 4 / 10);
        vm.assertEq(stakeVault.credits(owner), slashed / 10);
        vm.assertEq(stakeVault.burnt(), slashed / 2);
        (uint96 bonded,,, uint16 holds) = stakeVault.accounts(worker(ACCUSED));
        vm.assertEq(bonded, STAKE - slashed);
        vm.assertEq(holds, 0);
        _assertPhase(0, IRoundLedger.Phase.Rejected);
        vm.assertEq(vault.jobs(job).reserved, 0);
    }

    function test_BothMismatchesSayGuilty() public {
        uint8[] memory outcomes = new uint8[](2);
        (outcomes[0], outcomes[1]) = (STATE_MISMATCH, UPDATE_MISMATCH);
        disputes.decide(id, _ballots(0, ACCUSED, outcomes));
        _assertPhase(0, IRoundLedger.Phase.Rejected);
    }

    function test_AValidMajorityGivesTheBondToTheAccused() public {
        disputes.decide(id, _majority(0, ACCUSED, VALID));
        vm.assertEq(uint256(disputes.disputes(id).state), uint256(IDisputes.State.Overruled));
        vm.assertEq(disputes.credits(worker(ACCUSED)), CHALLENGE_BOND);
        vm.assertEq(disputes.credits(challenger), 0);
        (uint96 bonded,,, uint16 holds) = stakeVault.accounts(worker(ACCUSED));
        vm.assertEq(bonded, STAKE);
        vm.assertEq(holds, 0);
        _assertPhase(0, IRoundLedger.Phase.Settled);
        _passWindow();
        ledger.finalize(job, 0);
    }

    function test_TheMajorityIsThatOfTheSeatsNotOfTheBallots() public {
        uint8[] memory outcomes = new uint8[](1);
        outcomes[0] = STATE_MISMATCH;
        IDisputes.Ballot[] memory ballots = _ballots(0, ACCUSED, outcomes);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, 1, 0, 3));
        disputes.decide(id, ballots);

        outcomes = new uint8[](2);
        (outcomes[0], outcomes[1]) = (VALID, STATE_MISMATCH);
        ballots = _ballots(0, ACCUSED, outcomes);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, 1, 1, 3));
        disputes.decide(id, ballots);

        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, 0, 0, 3));
        disputes.decide(id, new IDisputes.Ballot[](0));

        outcomes = new uint8[](3);
        (outcomes[0], outcomes[1], outcomes[2]) = (VALID, STATE_MISMATCH, VALID);
        disputes.decide(id, _ballots(0, ACCUSED, outcomes));
        vm.assertEq(uint256(disputes.disputes(id).state), uint256(IDisputes.State.Overruled));
    }

    function test_HalfOfAnEvenCommitteeIsNoMajority() public {
        (bytes32 root,) = Trees.items(_items(1));
        vm.prank(coordinator);
        ledger.anchor(job, 1, root, WORKERS, 3, BASE_MODEL);
        _seal(1);
        uint256 even = _dispute(1, ACCUSED);
        IDisputes.Ballot[] memory ballots = new IDisputes.Ballot[](1);
        ballots[0] = _ballot(1, 0, ACCUSED, STATE_MISMATCH);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, 1, 0, 2));
        disputes.decide(even, ballots);
        ballots[0] = _ballot(1, 1, ACCUSED, VALID);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, 0, 1, 2));
        disputes.decide(even, ballots);

        ballots = new IDisputes.Ballot[](2);
        ballots[0] = _ballot(1, 0, ACCUSED, STATE_MISMATCH);
        ballots[1] = _ballot(1, 1, ACCUSED, STATE_MISMATCH);
        disputes.decide(even, ballots);
        vm.assertEq(uint256(disputes.disputes(even).state), uint256(IDisputes.State.Upheld));
    }

    function test_ADecisionBeforeSettlingLetsTheRoundGoOn() public {
        _anchorAndSeal(1);
        uint256 early = _dispute(1, ACCUSED);
        disputes.decide(early, _majority(1, ACCUSED, UPDATE_MISMATCH));
        _assertPhase(1, IRoundLedger.Phase.Sealed);
        _settle(1, "payouts without the culprit", 4 ether);
        disputes.decide(id, _majority(0, ACCUSED, VALID));
        _passWindow();
        ledger.finalize(job, 0);
        ledger.finalize(job, 1);
        _assertPhase(1, IRoundLedger.Phase.Final);
    }

    function test_DecideHappensOnceAndInTime() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        uint40 decideBy = disputes.disputes(id).decideBy;
        vm.warp(decideBy + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.TooLate.selector, decideBy));
        disputes.decide(id, ballots);
        vm.warp(decideBy);
        disputes.decide(id, ballots);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotOpen.selector, id));
        disputes.decide(id, ballots);
        vm.warp(decideBy + 1);
        vm.expectRevert(abi.encodeWithSelector(IDisputes.NotOpen.selector, id));
        disputes.timeout(id);
    }

    function test_WithdrawalsWaitForTheDecision() public {
        vm.prank(worker(ACCUSED));
        stakeVault.unbond(STAKE);
        uint40 unlockAt = uint40(block.timestamp) + UNBONDING_DELAY;
        vm.warp(unlockAt);
        vm.expectRevert(abi.encodeWithSignature("StillLocked(uint40,uint16)", unlockAt, 1));
        vm.prank(worker(ACCUSED));
        stakeVault.withdraw();
        disputes.timeout(id);
        vm.prank(worker(ACCUSED));
        vm.assertEq(stakeVault.withdraw(), STAKE);
    }

    // Ballots.

    function test_RefusesAnAuditorWithoutASeat() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        uint32 outside = _unseated();
        ballots[1] = _ballot(0, outside, ACCUSED, STATE_MISMATCH);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.NotOnCommittee.selector, worker(outside), outside)
        );
        disputes.decide(id, ballots);

        // The seat of another auditor does not help: the item there is not this auditor's.
        uint32 seat = _committee(0, ACCUSED)[1];
        ballots[1].slot = seat;
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.NotCommitted.selector, worker(outside), seat)
        );
        disputes.decide(id, ballots);
    }

    function test_RefusesTheAccusedAsItsOwnJudge() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, VALID);
        ballots[1] = _ballot(0, ACCUSED, ACCUSED, VALID);
        ballots[1].slot = _committee(0, ACCUSED)[1];
        vm.expectRevert(
            abi.encodeWithSelector(
                IDisputes.NotOnCommittee.selector, worker(ACCUSED), ballots[1].slot
            )
        );
        disputes.decide(id, ballots);
    }

    function test_RefusesASecondVote() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        ballots[1] = ballots[0];
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.DuplicateAuditor.selector, ballots[0].verdict.auditor)
        );
        disputes.decide(id, ballots);
    }

    function test_RefusesAWrongSignature() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        ballots[1].signature = ballots[0].signature;
        _expectRefused(ballots, IDisputes.WrongSignature.selector);
        ballots[1].signature = "";
        _expectRefused(ballots, IDisputes.WrongSignature.selector);
    }

    function test_RefusesAVerdictChangedAfterSigning() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, VALID);
        ballots[1].verdict.outcome = STATE_MISMATCH;
        _expectRefused(ballots, IDisputes.WrongSignature.selector);
    }

    function test_RefusesAWrongCommitmentOrProofOfTheAuditor() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        bytes memory revertData = abi.encodeWithSelector(
            IDisputes.NotCommitted.selector, ballots[1].verdict.auditor, ballots[1].slot
        );
        bytes32 right = ballots[1].commitment;
        ballots[1].commitment = ballots[0].commitment;
        vm.expectRevert(revertData);
        disputes.decide(id, ballots);
        ballots[1].commitment = right;
        ballots[1].proof = new bytes32[](0);
        vm.expectRevert(revertData);
        disputes.decide(id, ballots);
    }

    function test_RefusesVerdictsAboutAnythingElse() public {
        for (uint256 field = 0; field < 7; ++field) {
            IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
            IDisputes.Verdict memory v = ballots[1].verdict;
            if (field == 0) v.job = "other";
            if (field == 1) v.round = 1;
            if (field == 2) v.worker = worker(0);
            if (field == 3) v.commitment = "other";
            if (field == 4) v.segment = (v.segment + 1) % SEGMENTS;
            if (field == 5) v.outcome = 0;
            if (field == 6) v.outcome = 4;
            ballots[1].signature = _sign(_key(_committee(0, ACCUSED)[1]), disputes.hashVerdict(v));
            _expectRefused(ballots, IDisputes.WrongVerdict.selector);
        }
    }

    function test_RefusesAnAuditorWithNothingAtStake() public {
        IDisputes.Ballot[] memory ballots = _majority(0, ACCUSED, STATE_MISMATCH);
        address auditor = ballots[1].verdict.auditor;
        vm.prank(auditor);
        stakeVault.unbond(STAKE - CHALLENGE_BOND + 1);
        vm.expectRevert(
            abi.encodeWithSelector(IDisputes.NotBonded.selector, auditor, CHALLENGE_BOND - 1)
        );
        disputes.decide(id, ballots);
        token.approve(address(stakeVault), 1);
        stakeVault.bondFor(auditor, 1);
        disputes.decide(id, ballots);
    }

    function testFuzz_TheMajorityDecides(uint8[3] memory said, uint8 votes) public {
        votes = uint8(_within(votes, 0, 3));
        uint8[] memory outcomes = new uint8[](votes);
        uint256 guilty = 0;
        for (uint256 i = 0; i < votes; ++i) {
            outcomes[i] = uint8(_within(said[i], VALID, UPDATE_MISMATCH));
            if (outcomes[i] != VALID) ++guilty;
        }
        IDisputes.Ballot[] memory ballots = _ballots(0, ACCUSED, outcomes);
        uint256 valid = votes - guilty;
        if (guilty < 2 && valid < 2) {
            vm.expectRevert(abi.encodeWithSelector(IDisputes.NoMajority.selector, guilty, valid, 3));
        }
        disputes.decide(id, ballots);
        IDisputes.State expected = IDisputes.State.Open;
        if (guilty >= 2) expected = IDisputes.State.Upheld;
        if (valid >= 2) expected = IDisputes.State.Overruled;
        vm.assertEq(uint256(disputes.disputes(id).state), uint256(expected));
    }

    function _expectRefused(IDisputes.Ballot[] memory ballots, bytes4 selector) private {
        vm.expectRevert(abi.encodeWithSelector(selector, ballots[1].verdict.auditor));
        disputes.decide(id, ballots);
    }

    /// @dev The one auditor that is neither accused nor on the committee.
    function _unseated() private view returns (uint32 slot) {
        uint32[] memory committee = _committee(0, ACCUSED);
        uint32 rest = AUDITORS * (AUDITORS - 1) / 2 - ACCUSED;
        for (uint256 i = 0; i < committee.length; ++i) {
            rest -= committee[i];
        }
        return rest;
    }
}
