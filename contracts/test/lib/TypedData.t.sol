// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ECDSA} from "@openzeppelin/contracts/utils/cryptography/ECDSA.sol";
import {World} from "../base/World.sol";
import {Disputes} from "../../src/Disputes.sol";
import {IDisputes} from "../../src/interfaces/IDisputes.sol";
import {TypedData} from "../../src/lib/TypedData.sol";

contract TypedDataTest is World {
    string private json;
    Disputes private golden;

    /// @dev The disputes contract at the vectors' chain and address: its domain follows both.
    function setUp() public override {
        super.setUp();
        json = vm.readFile("../tests/vectors/typed_data.json");
        golden = Disputes(vm.parseJsonAddress(json, ".verifyingContract"));
        vm.etch(address(golden), address(disputes).code);
        vm.chainId(vm.parseJsonUint(json, ".chainId"));
    }

    function test_DomainIsTheGoldenOne() public view {
        bytes32 separator = vm.parseJsonBytes32(json, ".domainSeparator");
        vm.assertEq(golden.domainSeparator(), separator);
        vm.assertTrue(disputes.domainSeparator() != separator, "another contract, another domain");
    }

    function test_DomainFollowsTheChain() public {
        bytes32 before = disputes.domainSeparator();
        vm.chainId(1);
        vm.assertTrue(disputes.domainSeparator() != before);
    }

    function test_HashesTheGoldenCommitments() public view {
        for (uint256 i = 0; i < 2; ++i) {
            _assertName(i, "Commitment", TypedData.COMMITMENT_TYPEHASH);
            IDisputes.Commitment memory c = IDisputes.Commitment({
                job: _word(i, "job"),
                round: uint64(_number(i, "round")),
                worker: _address(i, "worker"),
                engineClass: uint32(_number(i, "engineClass")),
                baseModelRoot: _word(i, "baseModelRoot"),
                shard: uint32(_number(i, "shard")),
                updateRoot: _word(i, "updateRoot"),
                updateBytes: uint64(_number(i, "updateBytes")),
                dimension: uint64(_number(i, "dimension")),
                stateChainRoot: _word(i, "stateChainRoot"),
                segments: uint32(_number(i, "segments"))
            });
            _assertSigned(i, golden.hashCommitment(c));
        }
    }

    function test_HashesTheGoldenReceipts() public view {
        bytes32 typeHash = keccak256(
            "Receipt(bytes32 job,uint64 round,address worker,bytes32 commitment,uint64 receivedMs)"
        );
        for (uint256 i = 2; i < 4; ++i) {
            _assertName(i, "Receipt", typeHash);
            bytes memory fields = abi.encode(
                typeHash,
                _word(i, "job"),
                _number(i, "round"),
                _address(i, "worker"),
                _word(i, "commitment"),
                _number(i, "receivedMs")
            );
            _assertSigned(i, keccak256(fields));
        }
    }

    function test_HashesTheGoldenVerdicts() public view {
        for (uint256 i = 4; i < 6; ++i) {
            _assertName(i, "Verdict", TypedData.VERDICT_TYPEHASH);
            IDisputes.Verdict memory v = IDisputes.Verdict({
                job: _word(i, "job"),
                round: uint64(_number(i, "round")),
                auditor: _address(i, "auditor"),
                worker: _address(i, "worker"),
                commitment: _word(i, "commitment"),
                segment: uint32(_number(i, "segment")),
                resultRoot: _word(i, "resultRoot"),
                outcome: uint8(_number(i, "outcome"))
            });
            _assertSigned(i, golden.hashVerdict(v));
        }
    }

    function test_HashesTheGoldenKeyBindings() public view {
        bytes32 typeHash = keccak256("KeyBinding(bytes32 authenticationKey,address payout)");
        for (uint256 i = 6; i < 8; ++i) {
            _assertName(i, "KeyBinding", typeHash);
            bytes memory fields =
                abi.encode(typeHash, _word(i, "authenticationKey"), _address(i, "payout"));
            _assertSigned(i, keccak256(fields));
        }
        vm.assertFalse(vm.keyExistsJson(json, ".cases[8]"));
    }

    function _assertName(uint256 i, string memory name, bytes32 typeHash) private view {
        vm.assertEq(vm.parseJsonString(json, _at(".cases[#].name", i)), name);
        vm.assertEq(_word(i, "typeHash"), typeHash);
    }

    function _assertSigned(uint256 i, bytes32 structHash) private view {
        vm.assertEq(_word(i, "structHash"), structHash);
        bytes32 digest =
            keccak256(abi.encodePacked(hex"1901", golden.domainSeparator(), structHash));
        vm.assertEq(_word(i, "digest"), digest);

        bytes memory signature = vm.parseJsonBytes(json, _at(".cases[#].signature", i));
        address signer = vm.parseJsonAddress(json, ".signer");
        vm.assertEq(ECDSA.recover(digest, signature), signer);
        // RFC 6979 leaves no choice of nonce, so forge must sign the very same bytes.
        uint256 key = uint256(vm.parseJsonBytes32(json, ".privateKey"));
        (uint8 v, bytes32 r, bytes32 s) = vm.sign(key, digest);
        vm.assertEq(signature, abi.encodePacked(r, s, v));
    }

    function _key(uint256 i, string memory name) private pure returns (string memory) {
        return string.concat(_at(".cases[#].", i), name);
    }

    function _word(uint256 i, string memory name) private view returns (bytes32) {
        return vm.parseJsonBytes32(json, _key(i, name));
    }

    function _number(uint256 i, string memory name) private view returns (uint256) {
        return vm.parseJsonUint(json, _key(i, name));
    }

    function _address(uint256 i, string memory name) private view returns (address) {
        return vm.parseJsonAddress(json, _key(i, name));
    }
}
