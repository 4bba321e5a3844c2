// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "./base/Cheats.sol";
import {Handler} from "./base/Handler.sol";
import {DevToken} from "../src/DevToken.sol";
import {Disputes} from "../src/Disputes.sol";
import {JobVault} from "../src/JobVault.sol";
import {RoundLedger} from "../src/RoundLedger.sol";
import {StakeVault} from "../src/StakeVault.sol";
import {IDisputes} from "../src/interfaces/IDisputes.sol";
import {IJobVault} from "../src/interfaces/IJobVault.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev What holds after any sequence of actions of the handler.
contract InvariantsTest is Cheats {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    Handler private handler;
    DevToken private token;
    StakeVault private stakeVault;
    JobVault private vault;
    RoundLedger private ledger;
    Disputes private disputes;
    bytes32 private job;

    function setUp() public {
        handler = new Handler();
        handler.setUp();
        (address a, address b, address c, address d, address e) = handler.contracts();
        (token, stakeVault, vault) = (DevToken(a), StakeVault(b), JobVault(c));
        (ledger, disputes, job) = (RoundLedger(d), Disputes(e), handler.mainJob());
    }

    /// @dev forge calls these functions only; some twice as often, to reach deep states.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        bytes4[24] memory list = [
            Handler.bond.selector,
            Handler.unbond.selector,
            Handler.withdraw.selector,
            Handler.collect.selector,
            Handler.anchor.selector,
            Handler.seal.selector,
            Handler.seal.selector,
            Handler.settle.selector,
            Handler.settle.selector,
            Handler.finalize.selector,
            Handler.finalize.selector,
            Handler.lapse.selector,
            Handler.dispute.selector,
            Handler.decide.selector,
            Handler.timeout.selector,
            Handler.fund.selector,
            Handler.claim.selector,
            Handler.close.selector,
            Handler.refund.selector,
            Handler.pass.selector,
            Handler.pass.selector,
            Handler.claim.selector,
            Handler.dispute.selector,
            Handler.decide.selector
        ];
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        targets[0].selectors = new bytes4[](list.length);
        for (uint256 i = 0; i < list.length; ++i) {
            targets[0].selectors[i] = list[i];
        }
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev One function checks all, so that each random sequence is checked against everything.
    function invariant_EveryTokenIsOwedAndEveryRoundIsLegal() public view {
        uint256 openDisputes = _checkDisputes();
        _checkStake(openDisputes);
        _checkJobs();
        _checkRounds(openDisputes);
    }

    /// @dev Tokens in the stake vault = all stake + all credits; what was burnt is out of reach.
    function _checkStake(uint256 openDisputes) private view {
        address[] memory payees = handler.payees();
        uint256 owed = 0;
        uint256 bonds = 0;
        uint256 holding = 0;
        for (uint256 i = 0; i < payees.length; ++i) {
            (uint96 bonded, uint96 unbonding,, uint16 holds) = stakeVault.accounts(payees[i]);
            owed += uint256(bonded) + unbonding + stakeVault.credits(payees[i]);
            bonds += bonded;
            holding += holds;
        }
        vm.assertEq(token.balanceOf(address(stakeVault)), owed, "tokens of the stake vault");
        vm.assertEq(stakeVault.totalBonded(), bonds, "total bonded");
        vm.assertEq(holding, openDisputes, "holds");
        vm.assertEq(token.balanceOf(stakeVault.BURN_ADDRESS()), stakeVault.burnt(), "burnt tokens");
    }

    /// @dev Tokens in disputes = bonds of open disputes + all credits.
    function _checkDisputes() private view returns (uint256 open) {
        for (uint256 i = 0; i < handler.disputesCount(); ++i) {
            IDisputes.State state = disputes.disputes(handler.disputeIds(i)).state;
            if (state == IDisputes.State.Open) ++open;
        }
        uint256 owed = open * disputes.challengeBond();
        address[] memory payees = handler.payees();
        for (uint256 i = 0; i < payees.length; ++i) {
            owed += disputes.credits(payees[i]);
        }
        vm.assertEq(token.balanceOf(address(disputes)), owed, "tokens of disputes");
    }

    /// @dev Tokens in the job vault = what jobs neither paid out nor gave back.
    function _checkJobs() private view {
        IJobVault.Job memory j = vault.jobs(job);
        IJobVault.Job memory quiet = vault.jobs(handler.quietJob());
        vm.assertLe(j.claimed, j.released, "claimed <= released");
        vm.assertLe(
            uint256(j.released) + j.reserved + j.refunded, j.deposited, "promised <= deposited"
        );
        vm.assertEq(
            token.balanceOf(address(vault)),
            uint256(j.deposited) - j.refunded - j.claimed + quiet.deposited,
            "tokens of the job vault"
        );
        vm.assertEq(quiet.released + quiet.claimed + quiet.refunded + quiet.reserved, 0);

        uint256 claimed = 0;
        for (uint32 i = 0; i < handler.ACCOUNTS(); ++i) {
            uint256 received = vault.claimedBy(job, handler.worker(i));
            vm.assertEq(received, handler.paid(i), "each claim was paid, once");
            claimed += received;
        }
        vm.assertEq(claimed, j.claimed, "claims");
    }

    /// @dev Money follows the phases: settled rounds have it reserved, final ones released, and no
    /// other round ever gets any.
    function _checkRounds(uint256 openDisputes) private view {
        uint256 reserved = 0;
        uint256 released = 0;
        uint256 open = 0;
        uint256 noted = 0;
        bytes32 payoutRoot = 0;
        uint64 firstUnended = ledger.firstUnended(job);
        uint64 next = ledger.nextRound(job);
        for (uint64 round = 0; round < next; ++round) {
            IRoundLedger.Round memory r = ledger.rounds(job, round);
            noted += r.disputes;
            if (r.phase == IRoundLedger.Phase.Settled) reserved += r.pay;
            if (r.phase == IRoundLedger.Phase.Final) {
                released += r.pay;
                payoutRoot = r.payoutRoot;
            }
            bool isOpen = r.phase == IRoundLedger.Phase.Anchored
                || r.phase == IRoundLedger.Phase.Sealed || r.phase == IRoundLedger.Phase.Settled;
            if (isOpen) ++open;
            if (isOpen) vm.assertTrue(round >= firstUnended, "an open round was passed");
            if (round == firstUnended) vm.assertTrue(isOpen, "an ended round was not passed");
        }
        IJobVault.Job memory j = vault.jobs(job);
        vm.assertEq(j.reserved, reserved, "reserved");
        vm.assertEq(j.released, released, "released");
        vm.assertEq(j.payoutRoot, payoutRoot, "the root of the latest final round");
        vm.assertEq(ledger.openRounds(job), open, "open rounds");
        vm.assertEq(noted, openDisputes, "noted disputes");
    }
}
