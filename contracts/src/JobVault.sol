// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IERC20} from "@openzeppelin/contracts/token/ERC20/IERC20.sol";
import {SafeERC20} from "@openzeppelin/contracts/token/ERC20/utils/SafeERC20.sol";
import {Nonces} from "@openzeppelin/contracts/utils/Nonces.sol";
import {ReentrancyGuardTransient} from "@openzeppelin/contracts/utils/ReentrancyGuardTransient.sol";
import {EIP712} from "@openzeppelin/contracts/utils/cryptography/EIP712.sol";
import {MerkleProof} from "@openzeppelin/contracts/utils/cryptography/MerkleProof.sol";
import {SignatureChecker} from "@openzeppelin/contracts/utils/cryptography/SignatureChecker.sol";
import {IJobVault} from "./interfaces/IJobVault.sol";
import {IRoundLedger} from "./interfaces/IRoundLedger.sol";

/// @title The money of jobs; see IJobVault.
/// @dev Tokens held = sum over jobs of deposited - refunded - claimed. The token must move exactly
/// the amounts it is asked to: no fees, no rebasing.
contract JobVault is IJobVault, EIP712, Nonces, ReentrancyGuardTransient {
    using SafeERC20 for IERC20;

    /// @dev A job, packed so that a claim and a reservation each write a single slot.
    struct Book {
        address owner;
        uint96 deposited;
        address coordinator;
        uint96 reserved;
        uint96 released;
        uint96 claimed;
        bool closed;
        uint96 refunded;
        uint96 roundPayMax;
        bytes32 specHash;
        bytes32 payoutRoot;
    }

    bytes32 private constant CLAIM_TYPEHASH = keccak256(
        "Claim(bytes32 job,address account,uint256 cumulative,uint256 fee,address relayer,uint256 nonce,uint256 deadline)"
    );

    IERC20 public immutable token;
    IRoundLedger public immutable ledger;

    mapping(bytes32 job => Book) private _books;
    /// @inheritdoc IJobVault
    mapping(bytes32 job => mapping(address account => uint256)) public claimedBy;

    modifier onlyLedger() {
        require(msg.sender == address(ledger), NotLedger(msg.sender));
        _;
    }

    /// @param token_ what jobs pay with.
    /// @param ledger_ the RoundLedger, the only contract that may reserve and release.
    constructor(IERC20 token_, IRoundLedger ledger_) EIP712("Tessera", "1") {
        require(address(token_) != address(0) && address(ledger_) != address(0), ZeroAddress());
        token = token_;
        ledger = ledger_;
    }

    /// @inheritdoc IJobVault
    function open(
        bytes32 salt,
        uint96 amount,
        bytes32 specHash,
        address coordinator,
        uint96 roundPayMax
    ) external nonReentrant returns (bytes32 job) {
        require(coordinator != address(0), ZeroAddress());
        job = keccak256(abi.encode(msg.sender, salt));
        Book storage book = _books[job];
        require(book.owner == address(0), JobExists(job));

        book.owner = msg.sender;
        book.coordinator = coordinator;
        book.roundPayMax = roundPayMax;
        book.specHash = specHash;
        emit Opened(job, msg.sender, coordinator, specHash, roundPayMax);
        if (amount != 0) _deposit(job, book, amount);
    }

    /// @inheritdoc IJobVault
    function fund(bytes32 job, uint96 amount) external nonReentrant {
        Book storage book = _existing(job);
        require(!book.closed, JobClosed(job));
        require(amount != 0, ZeroAmount());
        _deposit(job, book, amount);
    }

    /// @inheritdoc IJobVault
    function close(bytes32 job) external {
        Book storage book = _existing(job);
        require(
            msg.sender == book.owner || msg.sender == book.coordinator,
            NotOwnerOrCoordinator(msg.sender)
        );
        require(!book.closed, JobClosed(job));
        book.closed = true;
        emit Closed(job, msg.sender);
    }

    /// @inheritdoc IJobVault
    function refund(bytes32 job) external nonReentrant returns (uint256 amount) {
        Book storage book = _existing(job);
        require(book.closed, JobNotClosed(job));
        uint64 openRounds = ledger.openRounds(job);
        require(openRounds == 0, RoundsOpen(job, openRounds));
        uint96 left = _left(book);
        require(left != 0, NothingToRefund(job));

        book.refunded += left;
        emit Refunded(job, book.owner, left);
        token.safeTransfer(book.owner, left);
        return left;
    }

    /// @inheritdoc IJobVault
    function reserve(bytes32 job, uint96 pay) external onlyLedger {
        Book storage book = _existing(job);
        require(pay <= book.roundPayMax, PayAboveMax(pay, book.roundPayMax));
        uint96 left = _left(book);
        require(pay <= left, NotEnoughLeft(pay, left));
        book.reserved += pay;
        emit Reserved(job, pay);
    }

    /// @inheritdoc IJobVault
    function unreserve(bytes32 job, uint96 pay) external onlyLedger {
        _books[job].reserved -= pay;
        emit Unreserved(job, pay);
    }

    /// @inheritdoc IJobVault
    function release(bytes32 job, uint96 pay, bytes32 payoutRoot) external onlyLedger {
        Book storage book = _books[job];
        book.reserved -= pay;
        book.released += pay;
        book.payoutRoot = payoutRoot;
        emit Released(job, pay, payoutRoot);
    }

    /// @inheritdoc IJobVault
    function claim(bytes32 job, address account, uint256 cumulative, bytes32[] calldata proof)
        external
        nonReentrant
        returns (uint256 amount)
    {
        amount = _take(job, account, cumulative, proof);
        require(amount != 0, NothingToClaim(job, account));
        emit Claimed(job, account, msg.sender, amount, 0);
        token.safeTransfer(account, amount);
    }

    /// @inheritdoc IJobVault
    function claimFor(
        bytes32 job,
        address account,
        uint256 cumulative,
        bytes32[] calldata proof,
        uint256 fee,
        uint256 deadline,
        bytes calldata signature
    ) external nonReentrant returns (uint256 amount) {
        require(block.timestamp <= deadline, SignatureExpired(deadline));
        bytes32 digest = _claimDigest(job, account, cumulative, fee, deadline);
        require(
            SignatureChecker.isValidSignatureNow(account, digest, signature),
            WrongSignature(account)
        );
        amount = _take(job, account, cumulative, proof);
        require(amount != 0, NothingToClaim(job, account));
        require(fee <= amount, FeeAboveClaim(fee, amount));
        emit Claimed(job, account, msg.sender, amount, fee);
        if (fee != 0) token.safeTransfer(msg.sender, fee);
        if (fee != amount) token.safeTransfer(account, amount - fee);
    }

    /// @inheritdoc IJobVault
    function claimMany(Claim[] calldata claims) external nonReentrant returns (uint256 amount) {
        for (uint256 i = 0; i < claims.length; ++i) {
            Claim calldata one = claims[i];
            uint256 part = _take(one.job, one.account, one.cumulative, one.proof);
            if (part == 0) continue;
            amount += part;
            emit Claimed(one.job, one.account, msg.sender, part, 0);
            token.safeTransfer(one.account, part);
        }
    }

    /// @inheritdoc IJobVault
    function jobs(bytes32 job) external view returns (Job memory) {
        Book storage book = _books[job];
        return Job({
            owner: book.owner,
            coordinator: book.coordinator,
            deposited: book.deposited,
            reserved: book.reserved,
            released: book.released,
            claimed: book.claimed,
            refunded: book.refunded,
            roundPayMax: book.roundPayMax,
            closed: book.closed,
            specHash: book.specHash,
            payoutRoot: book.payoutRoot
        });
    }

    /// @inheritdoc IJobVault
    function ownerOf(bytes32 job) external view returns (address) {
        return _books[job].owner;
    }

    /// @inheritdoc IJobVault
    function coordinatorOf(bytes32 job) external view returns (address) {
        return _books[job].coordinator;
    }

    /// @inheritdoc IJobVault
    function isOpen(bytes32 job) external view returns (bool) {
        Book storage book = _books[job];
        return book.owner != address(0) && !book.closed;
    }

    function _existing(bytes32 job) private view returns (Book storage book) {
        book = _books[job];
        require(book.owner != address(0), NoSuchJob(job));
    }

    /// @dev What is neither paid out, nor promised, nor given back.
    function _left(Book storage book) private view returns (uint96) {
        return book.deposited - book.released - book.reserved - book.refunded;
    }

    function _deposit(bytes32 job, Book storage book, uint96 amount) private {
        book.deposited += amount;
        emit Funded(job, msg.sender, amount);
        token.safeTransferFrom(msg.sender, address(this), amount);
    }

    /// @dev Records what `account` has not yet received of `cumulative`, which may be nothing; the
    /// caller pays it. Twice the same leaf therefore never pays twice.
    function _take(bytes32 job, address account, uint256 cumulative, bytes32[] calldata proof)
        private
        returns (uint256 amount)
    {
        Book storage book = _books[job];
        // Hashed twice, a leaf can never be mistaken for an inner node.
        bytes32 leaf = keccak256(bytes.concat(keccak256(abi.encode(account, cumulative))));
        require(MerkleProof.verifyCalldata(proof, book.payoutRoot, leaf), WrongProof(job, account));
        uint256 paid = claimedBy[job][account];
        if (cumulative <= paid) return 0;

        amount = cumulative - paid;
        uint256 left = book.released - book.claimed;
        require(amount <= left, AboveReleased(amount, left));
        claimedBy[job][account] = cumulative;
        book.claimed += uint96(amount);
    }

    /// @dev Uses up the account's nonce, so the signature works once.
    function _claimDigest(
        bytes32 job,
        address account,
        uint256 cumulative,
        uint256 fee,
        uint256 deadline
    ) private returns (bytes32) {
        uint256 nonce = _useNonce(account);
        return _hashTypedDataV4(
            keccak256(
                abi.encode(
                    CLAIM_TYPEHASH, job, account, cumulative, fee, msg.sender, nonce, deadline
                )
            )
        );
    }
}
