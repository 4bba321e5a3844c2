// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Cheats} from "./base/Cheats.sol";
import {Trees} from "./base/Trees.sol";
import {Wallet} from "./base/Wallet.sol";
import {DevToken} from "../src/DevToken.sol";
import {JobVault} from "../src/JobVault.sol";
import {IJobVault} from "../src/interfaces/IJobVault.sol";
import {IRoundLedger} from "../src/interfaces/IRoundLedger.sol";

/// @dev Claims that a relayer sends for a fee; accounts are their trees' only leaves.
contract JobVaultClaimForTest is Cheats {
    uint256 private constant KEY = 0xA11CE;
    uint256 private constant CUMULATIVE = 10 ether;
    uint256 private constant FEE = 1 ether;

    address private immutable account = vm.addr(KEY);
    address private immutable relayer = address(0xFEE);
    bytes32[] private none;
    DevToken private token;
    JobVault private vault;
    bytes32 private job;
    uint256 private deadline;

    function setUp() public {
        vm.warp(1_800_000_000);
        deadline = block.timestamp + 1 hours;
        token = new DevToken(address(this), 1e30);
        vault = new JobVault(token, IRoundLedger(address(this)));
        token.approve(address(vault), type(uint256).max);
        job = vault.open("salt", 100 ether, "spec", address(0xC00D), 100 ether);
        _release(account, CUMULATIVE);
    }

    function test_PaysTheRelayerItsFee() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        vm.expectEmit(address(vault));
        emit IJobVault.Claimed(job, account, relayer, CUMULATIVE, FEE);
        vm.assertEq(_claimFor(CUMULATIVE, FEE, signature), CUMULATIVE);
        vm.assertEq(token.balanceOf(account), CUMULATIVE - FEE);
        vm.assertEq(token.balanceOf(relayer), FEE);
        vm.assertEq(vault.nonces(account), 1);
    }

    function test_TheFeeMayBeNothingOrAll() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, 0, 0));
        _claimFor(CUMULATIVE, 0, signature);
        vm.assertEq(token.balanceOf(account), CUMULATIVE);

        _release(account, 2 * CUMULATIVE);
        signature = _sign(KEY, _digest(job, account, 2 * CUMULATIVE, CUMULATIVE, 1));
        _claimFor(2 * CUMULATIVE, CUMULATIVE, signature);
        vm.assertEq(token.balanceOf(relayer), CUMULATIVE);
    }

    function test_RefusesAFeeAboveTheClaim() public {
        uint256 fee = CUMULATIVE + 1;
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, fee, 0));
        vm.expectRevert(abi.encodeWithSelector(IJobVault.FeeAboveClaim.selector, fee, CUMULATIVE));
        _claimFor(CUMULATIVE, fee, signature);
    }

    function test_RefusesASignatureOfAnyoneElse() public {
        bytes memory signature = _sign(KEY + 1, _digest(job, account, CUMULATIVE, FEE, 0));
        _expectWrongSignature(account);
        _claimFor(CUMULATIVE, FEE, signature);
    }

    function test_RefusesAnotherFeeRelayerOrNonceThanSigned() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        _expectWrongSignature(account);
        _claimFor(CUMULATIVE, FEE + 1, signature);

        _expectWrongSignature(account);
        vm.prank(address(0xBAD));
        vault.claimFor(job, account, CUMULATIVE, none, FEE, deadline, signature);

        signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 1));
        _expectWrongSignature(account);
        _claimFor(CUMULATIVE, FEE, signature);
    }

    function test_ASignatureWorksOnce() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        _claimFor(CUMULATIVE, FEE, signature);
        _expectWrongSignature(account);
        _claimFor(CUMULATIVE, FEE, signature);
    }

    function test_ASignatureWorksOnOneChainOnly() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        vm.chainId(1);
        _expectWrongSignature(account);
        _claimFor(CUMULATIVE, FEE, signature);
    }

    function test_RefusesAfterTheDeadline() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        vm.warp(deadline + 1);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.SignatureExpired.selector, deadline));
        _claimFor(CUMULATIVE, FEE, signature);
        vm.warp(deadline);
        _claimFor(CUMULATIVE, FEE, signature);
    }

    function test_NothingLeftKeepsTheNonce() public {
        bytes memory signature = _sign(KEY, _digest(job, account, CUMULATIVE, FEE, 0));
        vault.claim(job, account, CUMULATIVE, none);
        vm.expectRevert(abi.encodeWithSelector(IJobVault.NothingToClaim.selector, job, account));
        _claimFor(CUMULATIVE, FEE, signature);
        vm.assertEq(vault.nonces(account), 0);
    }

    function test_AcceptsAContractAccount() public {
        Wallet wallet = new Wallet();
        _release(address(wallet), CUMULATIVE);
        _expectWrongSignature(address(wallet));
        vm.prank(relayer);
        vault.claimFor(job, address(wallet), CUMULATIVE, none, FEE, deadline, "");

        wallet.accept(_digest(job, address(wallet), CUMULATIVE, FEE, 0));
        vm.prank(relayer);
        vault.claimFor(job, address(wallet), CUMULATIVE, none, FEE, deadline, "");
        vm.assertEq(token.balanceOf(address(wallet)), CUMULATIVE - FEE);
    }

    function _release(address to, uint256 cumulative) private {
        vault.reserve(job, uint96(CUMULATIVE));
        vault.release(job, uint96(CUMULATIVE), Trees.claimLeaf(to, cumulative));
    }

    function _claimFor(uint256 cumulative, uint256 fee, bytes memory signature)
        private
        returns (uint256)
    {
        vm.prank(relayer);
        return vault.claimFor(job, account, cumulative, none, fee, deadline, signature);
    }

    function _expectWrongSignature(address of_) private {
        vm.expectRevert(abi.encodeWithSelector(IJobVault.WrongSignature.selector, of_));
    }

    function _digest(bytes32 id, address to, uint256 cumulative, uint256 fee, uint256 nonce)
        private
        view
        returns (bytes32)
    {
        bytes32 domain = keccak256(
            abi.encode(
                keccak256(
                    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)"
                ),
                keccak256("Tessera"),
                keccak256("1"),
                block.chainid,
                address(vault)
            )
        );
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256(
                    "Claim(bytes32 job,address account,uint256 cumulative,uint256 fee,address relayer,uint256 nonce,uint256 deadline)"
                ),
                id,
                to,
                cumulative,
                fee,
                relayer,
                nonce,
                deadline
            )
        );
        return keccak256(abi.encodePacked(hex"1901", domain, structHash));
    }

    function _sign(uint256 key, bytes32 digest) private pure returns (bytes memory) {
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        return abi.encodePacked(r, s, v);
    }
}
