// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Trees} from "./Trees.sol";
import {World} from "./World.sol";
import {IDisputes} from "../../src/interfaces/IDisputes.sol";
import {IJobVault} from "../../src/interfaces/IJobVault.sol";
import {IRoundLedger} from "../../src/interfaces/IRoundLedger.sol";

/// @dev Random but legal actions of everybody on one job, next to a job that nobody touches.
/// An action that is not legal now is left out; one that should be legal and fails, fails the run.
/// The coordinator is dishonest: its payout roots promise whatever they like.
contract Handler is World {
    uint256 public constant ACCOUNTS = 2;

    /// @dev The claims of a settled round: worker i is promised cumulative[i].
    struct Promise {
        uint256[2] cumulative;
        bytes32 root;
    }

    enum Deed {
        Withdrawn,
        Finalized,
        Decided,
        Claimed,
        Refunded,
        Dismissed,
        Lapsed
    }

    bytes32 public quietJob;
    uint256[] public disputeIds;
    mapping(uint256 id => bool) public ended;
    mapping(uint256 account => uint256) public paid;
    mapping(uint64 round => IRoundLedger.Phase) public lastPhase;
    /// @dev How often the actions that end something happened, to see that a run gets that far.
    mapping(Deed deed => uint256) public done;
    mapping(uint64 round => Promise) private _promises;

    /// @dev An action moves rounds by legal steps only, each by one step.
    modifier observed() {
        _;
        uint64 next = ledger.nextRound(job);
        for (uint64 round = 0; round < next; ++round) {
            IRoundLedger.Phase before = lastPhase[round];
            IRoundLedger.Phase phase = _phase(round);
            vm.assertTrue(before == phase || _legal(before, phase), "illegal step of a round");
            lastPhase[round] = phase;
        }
    }

    function setUp() public override {
        super.setUp();
        quietJob = _openJob("quiet");
        _fund(challenger, 1e27);
        _fund(owner, 1e27);
        // One round in each stage, so that every action has something to do from the start.
        for (uint64 round = 0; round < 4; ++round) {
            anchor();
            if (round < 3) seal(0);
            if (round < 2) settle(0, 300 ether, 100 ether + round, 200 ether + round);
            if (round == 0) _passWindow();
            if (round == 0) finalize();
        }
        vm.prank(worker(0));
        stakeVault.unbond(STAKE / 2);
    }

    // Stake.

    function bond(uint32 index, uint96 amount) external {
        index %= WORKERS;
        amount = uint96(_within(amount, 1, 10 * STAKE));
        _fund(worker(index), amount);
        vm.prank(worker(index));
        stakeVault.bond(amount);
    }

    function unbond(uint32 index, uint96 amount) external {
        index %= WORKERS;
        (uint96 bonded,,,) = stakeVault.accounts(worker(index));
        if (bonded == 0) return;
        amount = uint96(_within(amount, 1, bonded));
        vm.prank(worker(index));
        stakeVault.unbond(amount);
    }

    /// @dev Must succeed for whoever's delay is over and has no open dispute.
    function withdraw() external {
        for (uint32 i = 0; i < WORKERS; ++i) {
            (, uint96 unbonding, uint40 unlockAt, uint16 holds) = stakeVault.accounts(worker(i));
            if (unbonding == 0 || holds != 0 || block.timestamp < unlockAt) continue;
            vm.prank(worker(i));
            vm.assertEq(stakeVault.withdraw(), unbonding);
            ++done[Deed.Withdrawn];
        }
    }

    /// @dev Credits can always be collected.
    function collect(uint256 pick) external {
        address payee = payees()[pick % payees().length];
        vm.startPrank(payee);
        if (stakeVault.credits(payee) != 0) stakeVault.collect();
        if (disputes.credits(payee) != 0) disputes.collect();
        vm.stopPrank();
    }

    // Rounds.

    function anchor() public observed {
        if (!vault.isOpen(job)) return;
        _anchor(ledger.nextRound(job));
    }

    function seal(uint256 pick) public observed {
        (bool found, uint64 round) = _pick(pick, IRoundLedger.Phase.Anchored);
        if (found) _seal(round);
    }

    function settle(uint256 pick, uint96 pay, uint96 toFirst, uint96 toSecond) public observed {
        (bool found, uint64 round) = _pick(pick, IRoundLedger.Phase.Sealed);
        if (!found) return;
        IRoundLedger.Round memory r = ledger.rounds(job, round);
        if (block.timestamp > r.deadline || r.disputes != 0) return;
        uint256 left = _left();
        pay = uint96(_within(pay, 0, left < ROUND_PAY_MAX ? left : ROUND_PAY_MAX));
        Promise storage p = _promises[round];
        p.cumulative =
            [_within(toFirst, 0, 3 * ROUND_PAY_MAX), _within(toSecond, 0, 3 * ROUND_PAY_MAX)];
        (p.root,,) = Trees.claims(worker(0), p.cumulative[0], worker(1), p.cumulative[1]);
        _settle(round, p.root, pay);
    }

    /// @dev Must succeed whenever the window is over, no dispute is open, and it is its turn.
    function finalize() public observed {
        uint64 round = ledger.firstUnended(job);
        IRoundLedger.Round memory r = ledger.rounds(job, round);
        if (r.phase != IRoundLedger.Phase.Settled || r.disputes != 0) return;
        if (block.timestamp <= r.deadline) return;
        ledger.finalize(job, round);
        ++done[Deed.Finalized];
    }

    function lapse(uint256 pick) external observed {
        IRoundLedger.Phase phase =
            pick % 2 == 0 ? IRoundLedger.Phase.Anchored : IRoundLedger.Phase.Sealed;
        (bool found, uint64 round) = _pick(pick, phase);
        if (!found) return;
        IRoundLedger.Round memory r = ledger.rounds(job, round);
        if (block.timestamp <= r.deadline || r.disputes != 0) return;
        ledger.lapse(job, round);
        ++done[Deed.Lapsed];
    }

    // Disputes.

    function dispute(uint256 pick, uint32 index) external {
        IRoundLedger.Phase phase =
            pick % 2 == 0 ? IRoundLedger.Phase.Sealed : IRoundLedger.Phase.Settled;
        (bool found, uint64 round) = _pick(pick, phase);
        index %= AUDITORS;
        if (!found || block.timestamp > ledger.rounds(job, round).disputableUntil) return;
        uint256 id = disputes.idOf(job, round, worker(index));
        if (disputes.disputes(id).state != IDisputes.State.None) return;
        disputeIds.push(_dispute(round, index));
    }

    function decide(uint256 pick, uint8 outcome) external observed {
        if (disputeIds.length == 0) return;
        uint256 id = disputeIds[pick % disputeIds.length];
        IDisputes.Dispute memory d = disputes.disputes(id);
        if (ended[id] || block.timestamp > d.decideBy) return;
        outcome = uint8(_within(outcome, 1, 3));
        IDisputes.Ballot[] memory ballots = _majority(d.round, d.slot, outcome);
        for (uint256 i = 0; i < ballots.length; ++i) {
            (uint96 bonded,,,) = stakeVault.accounts(ballots[i].verdict.auditor);
            if (bonded < CHALLENGE_BOND) return;
        }
        disputes.decide(id, ballots);
        ended[id] = true;
        ++done[Deed.Decided];
    }

    function timeout(uint256 pick) external observed {
        if (disputeIds.length == 0) return;
        uint256 id = disputeIds[pick % disputeIds.length];
        if (ended[id] || block.timestamp <= disputes.disputes(id).decideBy) return;
        disputes.timeout(id);
        ended[id] = true;
        ++done[Deed.Dismissed];
    }

    // Money of the job.

    function fund(uint96 amount) external {
        if (!vault.isOpen(job)) return;
        amount = uint96(_within(amount, 1, DEPOSIT));
        vm.prank(owner);
        vault.fund(job, amount);
    }

    /// @dev Must succeed for every promise of the current root that released money covers.
    function claim(uint256 account) external {
        account %= ACCOUNTS;
        Promise storage p = _currentPromise();
        if (p.root == 0) return;
        (, bytes32[] memory proofA, bytes32[] memory proofB) =
            Trees.claims(worker(0), p.cumulative[0], worker(1), p.cumulative[1]);
        uint256 cumulative = p.cumulative[account];
        IJobVault.Job memory j = vault.jobs(job);
        if (cumulative <= paid[account]) return;
        if (cumulative - paid[account] > j.released - j.claimed) return;
        address payee = worker(uint32(account));
        uint256 before = token.balanceOf(payee);
        vault.claim(job, payee, cumulative, account == 0 ? proofA : proofB);
        paid[account] += token.balanceOf(payee) - before;
        ++done[Deed.Claimed];
    }

    /// @dev Rare, because little happens after it.
    function close(uint256 chance) external {
        if (chance % 16 != 0 || !vault.isOpen(job)) return;
        vm.prank(owner);
        vault.close(job);
    }

    function refund() external {
        if (vault.isOpen(job) || ledger.openRounds(job) != 0 || _left() == 0) return;
        vault.refund(job);
        ++done[Deed.Refunded];
    }

    // Time.

    /// @dev Mostly hours, so that rounds live on; now and then longer than stake is locked.
    function pass(uint256 time) external {
        uint256 most = time % 8 == 0 ? UNBONDING_DELAY + 1 days : 16 hours;
        vm.warp(block.timestamp + _within(time / 8, 1, most));
        vm.roll(block.number + 1);
    }

    /// @dev Everybody who may be owed something besides stake.
    function payees() public view returns (address[] memory list) {
        list = new address[](WORKERS + 2);
        for (uint32 i = 0; i < WORKERS; ++i) {
            list[i] = worker(i);
        }
        (list[WORKERS], list[WORKERS + 1]) = (owner, challenger);
    }

    function disputesCount() external view returns (uint256) {
        return disputeIds.length;
    }

    function contracts() external view returns (address, address, address, address, address) {
        return
            (
                address(token),
                address(stakeVault),
                address(vault),
                address(ledger),
                address(disputes)
            );
    }

    function mainJob() external view returns (bytes32) {
        return job;
    }

    /// @dev A round in this phase, if there is one, searched from a random place on.
    function _pick(uint256 pick, IRoundLedger.Phase phase) private view returns (bool, uint64) {
        uint64 next = ledger.nextRound(job);
        for (uint64 i = 0; i < next; ++i) {
            uint64 round = uint64((pick % next + i) % next);
            if (_phase(round) == phase) return (true, round);
        }
        return (false, 0);
    }

    /// @dev The promise of the latest final round.
    function _currentPromise() private view returns (Promise storage p) {
        uint64 round = ledger.firstUnended(job);
        while (round > 0 && _phase(round - 1) != IRoundLedger.Phase.Final) --round;
        // Round 2^64 - 1 is never reached: its promise stands for none.
        return _promises[round == 0 ? type(uint64).max : round - 1];
    }

    function _left() private view returns (uint256) {
        IJobVault.Job memory j = vault.jobs(job);
        return j.deposited - j.released - j.reserved - j.refunded;
    }

    function _legal(IRoundLedger.Phase from, IRoundLedger.Phase to) private pure returns (bool) {
        if (from == IRoundLedger.Phase.None) return to == IRoundLedger.Phase.Anchored;
        if (from == IRoundLedger.Phase.Anchored) {
            return to == IRoundLedger.Phase.Sealed || to == IRoundLedger.Phase.Lapsed;
        }
        if (from == IRoundLedger.Phase.Sealed) {
            return to == IRoundLedger.Phase.Settled || to == IRoundLedger.Phase.Lapsed;
        }
        if (from == IRoundLedger.Phase.Settled) {
            return to == IRoundLedger.Phase.Final || to == IRoundLedger.Phase.Rejected;
        }
        return false;
    }
}
