// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "./base/Cheats.sol";
import {Trees} from "./base/Trees.sol";
import {DevToken} from "../src/DevToken.sol";
import {JobVault} from "../src/JobVault.sol";
import {IJobVault} from "../src/interfaces/IJobVault.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

contract JobVaultTest is Cheats {
    address private immutable coordinator = address(0xC00D);
    address private immutable ana = address(0xA);
    address private immutable ben = address(0xB);
    DevToken private token;
    JobVault private vault;
    bytes32 private job;
    uint64 private open;

    /// @dev This test takes the place of the ledger.
    function setUp() public {
        vm.warp(1_800_000_000);
        token = new DevToken(address(this), 1e30);
        vault = new JobVault(token, IRoundLedger(address(this)));
        token.approve(address(vault), type(uint256).max);
        job = vault.open("salt", 100 ether, "spec", coordinator, 40 ether);
    }

    /// @dev What the vault asks its ledger.
    function openRounds(bytes32) external view returns (uint64) {
        return open;
    }

    function test_ConstructorRefusesZeroAddresses() public {
        vm.expectRevert(IJobVault.ZeroAddress.selector);
        new JobVault(DevToken(address(0)), IRoundLedger(address(this)));
        vm.expectRevert(IJobVault.ZeroAddress.selector);
        new JobVault(token, IRoundLedger(address(0)));
    }

    // Opening and funding.

    function test_OpenRecordsTheJobAndTakesTheDeposit() public {
        bytes32 expected = keccak256(abi.encode(address(this), bytes32("other")));
        vm.expectEmit(address(vault));
        emit IJobVault.Opened(expected, address(this), coordinator, "spec", 40 ether);
        vm.expectEmit(address(vault));
        emit IJobVault.Funded(expected, address(this), 7 ether);
        bytes32 id = vault.open("other", 7 ether, "spec", coordinator, 40 ether);
        vm.assertEq(id, expected);

        IJobVault.Job memory j = vault.jobs(id);
        vm.assertEq(j.owner, address(this));
        vm.assertEq(j.coordinator, coordinator);
        vm.assertEq(j.deposited, 7 ether);
        vm.assertEq(j.roundPayMax, 40 ether);
        vm.assertEq(j.specHash, "spec");
        vm.assertFalse(j.closed);
        vm.assertEq(token.balanceOf(address(vault)), 107 ether);
        vm.assertEq(vault.ownerOf(id), address(this));
        vm.assertEq(vault.coordinatorOf(id), coordinator);
        vm.assertTrue(vault.isOpen(id));
    }

    function test_OpenWithoutADepositIsFundedLater() public {
        bytes32 id = vault.open("other", 0, "spec", coordinator, 40 ether);
        vm.assertEq(vault.jobs(id).deposited, 0);
        vault.fund(id, 3);
        vm.assertEq(vault.jobs(id).deposited, 3);
    }

    function test_OpenRefusesASecondJobOfTheSameSalt() public {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.JobExists.selector, job));
        vault.open("salt", 1, "spec", coordinator, 1);
    }

    function test_OpenRefusesNoCoordinator() public {
        vm.expectRevert(IJobVault.ZeroAddress.selector);
        vault.open("other", 1, "spec", address(0), 1);
    }

    function test_SaltsOfDifferentOwnersDoNotCollide() public {
        vm.prank(ana);
        bytes32 id = vault.open("salt", 0, "spec", ana, 1);
        vm.assertTrue(id != job);
        vm.assertEq(vault.ownerOf(job), address(this));
    }

    function test_AnyoneFunds() public {
        token.mint(ana, 5 ether);
        vm.prank(ana);
        token.approve(address(vault), 5 ether);
        vm.expectEmit(address(vault));
        emit IJobVault.Funded(job, ana, 5 ether);
        vm.prank(ana);
        vault.fund(job, 5 ether);
        vm.assertEq(vault.jobs(job).deposited, 105 ether);
        vm.assertEq(vault.ownerOf(job), address(this));
    }

    function test_FundRefusesUnknownClosedAndZero() public {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NoSuchJob.selector, bytes32("none")));
        vault.fund("none", 1);
        vm.expectRevert(IJobVault.ZeroAmount.selector);
        vault.fund(job, 0);
        vault.close(job);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.JobClosed.selector, job));
        vault.fund(job, 1);
    }

    // The ledger's part.

    function test_OnlyTheLedgerMovesReservations() public {
        bytes memory denied = abi.encodeWithSelector(IJobVault.NotLedger.selector, ana);
        vm.expectRevert(denied);
        vm.prank(ana);
        vault.reserve(job, 1);
        vm.expectRevert(denied);
        vm.prank(ana);
        vault.unreserve(job, 1);
        vm.expectRevert(denied);
        vm.prank(ana);
        vault.release(job, 1, "root");
    }

    function test_ReserveSetsMoneyAsideAndUnreserveReturnsIt() public {
        vm.expectEmit(address(vault));
        emit IJobVault.Reserved(job, 40 ether);
        vault.reserve(job, 40 ether);
        vm.assertEq(vault.jobs(job).reserved, 40 ether);
        vm.expectEmit(address(vault));
        emit IJobVault.Unreserved(job, 40 ether);
        vault.unreserve(job, 40 ether);
        vm.assertEq(vault.jobs(job).reserved, 0);
    }

    function test_ReserveIsBoundedByTheRoundAndByTheJob() public {
        vm.expectRevert(
            abi.encodeWithSelector(IJobVault.PayAboveMax.selector, 40 ether + 1, 40 ether)
        );
        vault.reserve(job, 40 ether + 1);
        vault.reserve(job, 40 ether);
        vault.reserve(job, 40 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IJobVault.NotEnoughLeft.selector, 20 ether + 1, 20 ether)
        );
        vault.reserve(job, 20 ether + 1);
        vault.reserve(job, 20 ether);
    }

    function test_ReserveRefusesAnUnknownJob() public {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NoSuchJob.selector, bytes32("none")));
        vault.reserve("none", 0);
    }

    function test_ReleaseTurnsAReservationIntoClaims() public {
        vault.reserve(job, 30 ether);
        vm.expectEmit(address(vault));
        emit IJobVault.Released(job, 30 ether, "root");
        vault.release(job, 30 ether, "root");
        IJobVault.Job memory j = vault.jobs(job);
        vm.assertEq(j.reserved, 0);
        vm.assertEq(j.released, 30 ether);
        vm.assertEq(j.payoutRoot, "root");
    }

    // Claims.

    function test_ClaimsTheGoldenTrees() public {
        string memory json = vm.readFile("../tests/vectors/claim_tree.json");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _at(".cases[#]", i)); ++i) {
            bytes32 id = vault.open(bytes32(i + 1), 1e26, "spec", coordinator, 1e26);
            vault.reserve(id, 1e26);
            vault.release(id, 1e26, vm.parseJsonBytes32(json, _at(".cases[#].root", i)));
            address[] memory accounts = vm.parseJsonAddressArray(json, _at(".cases[#].accounts", i));
            uint256[] memory cumulative =
                vm.parseJsonUintArray(json, _at(".cases[#].cumulative", i));
            for (uint256 k = 0; k < accounts.length; ++k) {
                bytes32[] memory proof = new bytes32[](0);
                if (accounts.length > 1) {
                    string memory key = string.concat(_at(".cases[#].proofs", i), _at("[#]", k));
                    proof = vm.parseJsonBytes32Array(json, key);
                }
                vault.claim(id, accounts[k], cumulative[k], proof);
                vm.assertEq(token.balanceOf(accounts[k]), cumulative[k]);
            }
        }
        vm.assertEq(i, 4);
    }

    function test_ClaimPaysTheAccountWhoeverSendsIt() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        vm.expectEmit(address(vault));
        emit IJobVault.Claimed(job, ana, address(0xFEE), 10 ether, 0);
        vm.prank(address(0xFEE));
        vm.assertEq(vault.claim(job, ana, 10 ether, proof), 10 ether);
        vm.assertEq(token.balanceOf(ana), 10 ether);
        vm.assertEq(vault.claimedBy(job, ana), 10 ether);
        vm.assertEq(vault.jobs(job).claimed, 10 ether);
    }

    function test_ClaimPaysOnlyTheDifferenceOfALaterRoot() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        vault.claim(job, ana, 10 ether, proof);
        (proof,) = _release(13 ether, 21 ether, 4 ether);
        vm.assertEq(vault.claim(job, ana, 13 ether, proof), 3 ether);
        vm.assertEq(token.balanceOf(ana), 13 ether);
    }

    function test_ClaimTwiceFails() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        vault.claim(job, ana, 10 ether, proof);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NothingToClaim.selector, job, ana));
        vault.claim(job, ana, 10 ether, proof);
    }

    function test_ClaimOfADecreasedCumulativeFails() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        vault.claim(job, ana, 10 ether, proof);
        (proof,) = _release(9 ether, 20 ether, 0);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NothingToClaim.selector, job, ana));
        vault.claim(job, ana, 9 ether, proof);
    }

    function test_ClaimRefusesAWrongProof() public {
        (bytes32[] memory proof, bytes32[] memory other) = _release(10 ether, 20 ether, 30 ether);
        bytes memory wrong = abi.encodeWithSelector(IJobVault.WrongProof.selector, job, ana);
        vm.expectRevert(wrong);
        vault.claim(job, ana, 10 ether, other);
        vm.expectRevert(wrong);
        vault.claim(job, ana, 10 ether + 1, proof);
        vm.expectRevert(wrong);
        vault.claim(job, ana, 20 ether, other);
    }

    function test_ClaimOfAnotherJobFails() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        bytes32 other = vault.open("other", 100 ether, "spec", coordinator, 40 ether);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.WrongProof.selector, other, ana));
        vault.claim(other, ana, 10 ether, proof);
    }

    function test_ARootNeverPaysMoreThanWasReleased() public {
        (bytes32[] memory proof, bytes32[] memory other) = _release(10 ether, 90 ether, 30 ether);
        vm.expectRevert(
            abi.encodeWithSelector(IJobVault.AboveReleased.selector, 90 ether, 30 ether)
        );
        vault.claim(job, ben, 90 ether, other);
        vault.claim(job, ana, 10 ether, proof);
        vm.expectRevert(
            abi.encodeWithSelector(IJobVault.AboveReleased.selector, 90 ether, 20 ether)
        );
        vault.claim(job, ben, 90 ether, other);
    }

    function test_ClaimManySkipsWhatWasPaidInTheMeantime() public {
        (bytes32[] memory proof, bytes32[] memory other) = _release(10 ether, 20 ether, 30 ether);
        IJobVault.Claim[] memory claims = new IJobVault.Claim[](3);
        claims[0] = IJobVault.Claim(job, ana, 10 ether, proof);
        claims[1] = IJobVault.Claim(job, ben, 20 ether, other);
        claims[2] = claims[1];
        vm.prank(address(0xBAD));
        vault.claim(job, ana, 10 ether, proof);

        vm.assertEq(vault.claimMany(claims), 20 ether);
        vm.assertEq(token.balanceOf(ana), 10 ether);
        vm.assertEq(token.balanceOf(ben), 20 ether);
    }

    function test_ClaimManyRefusesAWrongProof() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        IJobVault.Claim[] memory claims = new IJobVault.Claim[](2);
        claims[0] = IJobVault.Claim(job, ana, 10 ether, proof);
        claims[1] = IJobVault.Claim(job, ben, 20 ether, proof);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.WrongProof.selector, job, ben));
        vault.claimMany(claims);
    }

    function testFuzz_ClaimsPayEachAccountItsLatestCumulative(uint96[4] memory first, uint8 order)
        public
    {
        for (uint256 i = 0; i < 4; ++i) {
            first[i] = uint96(_within(first[i], 1, 10 ether));
        }
        (bytes32[] memory proofA, bytes32[] memory proofB) =
            _release(first[0], first[1], first[0] + first[1]);
        if (order & 1 != 0) vault.claim(job, ana, first[0], proofA);
        if (order & 2 != 0) vault.claim(job, ben, first[1], proofB);
        (uint96 a, uint96 b) = (first[0] + first[2], first[1] + first[3]);
        (proofA, proofB) = _release(a, b, first[2] + first[3]);
        vault.claim(job, ana, a, proofA);
        vault.claim(job, ben, b, proofB);
        vm.assertEq(token.balanceOf(ana), a);
        vm.assertEq(token.balanceOf(ben), b);
        vm.assertEq(vault.jobs(job).claimed, vault.jobs(job).released);
    }

    // Closing and refunds.

    function test_OwnerOrCoordinatorCloses() public {
        vm.expectEmit(address(vault));
        emit IJobVault.Closed(job, coordinator);
        vm.prank(coordinator);
        vault.close(job);
        vm.assertFalse(vault.isOpen(job));
        vm.assertTrue(vault.jobs(job).closed);

        bytes32 other = vault.open("other", 0, "spec", coordinator, 1);
        vault.close(other);
        vm.assertFalse(vault.isOpen(other));
    }

    function test_CloseRefusesStrangersTwiceAndUnknown() public {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NotOwnerOrCoordinator.selector, ana));
        vm.prank(ana);
        vault.close(job);
        vault.close(job);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.JobClosed.selector, job));
        vault.close(job);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NoSuchJob.selector, bytes32("none")));
        vault.close("none");
    }

    function test_RefundReturnsWhatNoRoundReleased() public {
        (bytes32[] memory proof,) = _release(10 ether, 20 ether, 30 ether);
        vault.close(job);
        uint256 before = token.balanceOf(address(this));
        vm.expectEmit(address(vault));
        emit IJobVault.Refunded(job, address(this), 70 ether);
        vm.prank(ana);
        vm.assertEq(vault.refund(job), 70 ether);
        vm.assertEq(token.balanceOf(address(this)) - before, 70 ether);
        vm.assertEq(vault.jobs(job).refunded, 70 ether);

        vm.expectRevert(abi.encodeWithSelector(IJobVault.NothingToRefund.selector, job));
        vault.refund(job);
        vm.assertEq(vault.claim(job, ana, 10 ether, proof), 10 ether, "claims never expire");
    }

    function test_RefundWaitsForCloseAndForOpenRounds() public {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.JobNotClosed.selector, job));
        vault.refund(job);
        vault.close(job);
        open = 2;
        vm.expectRevert(abi.encodeWithSelector(IJobVault.RoundsOpen.selector, job, 2));
        vault.refund(job);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NoSuchJob.selector, bytes32("none")));
        vault.refund("none");
    }

    /// @dev Releases `pay` under a root of these two cumulative claims.
    function _release(uint256 toAna, uint256 toBen, uint96 pay)
        private
        returns (bytes32[] memory proofA, bytes32[] memory proofB)
    {
        bytes32 root;
        (root, proofA, proofB) = Trees.claims(ana, toAna, ben, toBen);
        vault.reserve(job, pay);
        vault.release(job, pay, root);
    }
}
