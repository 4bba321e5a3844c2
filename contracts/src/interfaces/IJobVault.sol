// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title The money of jobs: deposits, what rounds reserve and release, claims and refunds.
/// @dev For every job: claimed <= released and released + reserved + refunded <= deposited. A wrong
/// payout root can therefore never cost more than the job it belongs to.
interface IJobVault {
    struct Job {
        address owner;
        address coordinator;
        uint96 deposited;
        uint96 reserved; // by settled rounds that are not final yet
        uint96 released; // to claims, by final rounds
        uint96 claimed;
        uint96 refunded;
        uint96 roundPayMax;
        bool closed;
        bytes32 specHash;
        bytes32 payoutRoot; // of the latest final round: (account, cumulative wei)
    }

    /// @notice One claim of a batch; see `claim`.
    struct Claim {
        bytes32 job;
        address account;
        uint256 cumulative;
        bytes32[] proof;
    }

    event Opened(
        bytes32 indexed job,
        address indexed owner,
        address indexed coordinator,
        bytes32 specHash,
        uint96 roundPayMax
    );
    event Funded(bytes32 indexed job, address indexed from, uint256 amount);
    /// @notice A settled round set `amount` wei aside.
    event Reserved(bytes32 indexed job, uint256 amount);
    /// @notice A rejected round gave its reservation back to the job.
    event Unreserved(bytes32 indexed job, uint256 amount);
    /// @notice A final round turned its reservation into money that can be claimed.
    event Released(bytes32 indexed job, uint256 amount, bytes32 payoutRoot);
    /// @notice `account` was paid `amount` wei, of which `fee` went to `relayer`.
    event Claimed(
        bytes32 indexed job,
        address indexed account,
        address indexed relayer,
        uint256 amount,
        uint256 fee
    );
    event Closed(bytes32 indexed job, address indexed by);
    event Refunded(bytes32 indexed job, address indexed owner, uint256 amount);

    /// @notice Only the round ledger may call this.
    error NotLedger(address caller);
    /// @notice Only the job's owner or its coordinator may call this.
    error NotOwnerOrCoordinator(address caller);
    error ZeroAmount();
    error ZeroAddress();
    /// @notice The caller already opened a job with this salt.
    error JobExists(bytes32 job);
    /// @notice There is no such job.
    error NoSuchJob(bytes32 job);
    /// @notice The job takes neither deposits nor rounds any more.
    error JobClosed(bytes32 job);
    /// @notice The job must be closed first.
    error JobNotClosed(bytes32 job);
    /// @notice Rounds of the job are still open.
    error RoundsOpen(bytes32 job, uint64 open);
    /// @notice A round asked for more than the job pays for one.
    error PayAboveMax(uint96 pay, uint96 max);
    /// @notice The job has less money left than was asked for.
    error NotEnoughLeft(uint256 asked, uint256 left);
    /// @notice The proof does not lead to the job's payout root.
    error WrongProof(bytes32 job, address account);
    /// @notice The account already has all of `cumulative`.
    error NothingToClaim(bytes32 job, address account);
    /// @notice The payout root promises more than final rounds released: the coordinator's fault.
    error AboveReleased(uint256 asked, uint256 left);
    /// @notice The signature is not the account's, or was used already.
    error WrongSignature(address account);
    /// @notice The signature's deadline has passed.
    error SignatureExpired(uint256 deadline);
    /// @notice The relayer's fee exceeds the claim.
    error FeeAboveClaim(uint256 fee, uint256 amount);
    error NothingToRefund(bytes32 job);

    /// @notice Opens a job of the caller's. The caller's address is part of the id, so nobody can
    /// take a job's id away from its owner.
    /// @param amount the first deposit in wei; may be 0.
    /// @param specHash SHA-256 of the job's specification.
    /// @param coordinator the only account that may anchor and settle its rounds.
    /// @param roundPayMax the most wei one round may pay.
    /// @return job keccak256(abi.encode(owner, salt)).
    function open(
        bytes32 salt,
        uint96 amount,
        bytes32 specHash,
        address coordinator,
        uint96 roundPayMax
    ) external returns (bytes32 job);

    /// @notice Adds `amount` wei of the caller's to an open job. A refund goes to its owner.
    function fund(bytes32 job, uint96 amount) external;

    /// @notice Stops new rounds and deposits. Rounds already open run to their end. Only the owner
    /// or the coordinator.
    function close(bytes32 job) external;

    /// @notice Pays the owner of a closed job what no round released, once no round is open.
    /// Anyone may call it. Claims go on for ever.
    function refund(bytes32 job) external returns (uint256 amount);

    /// @notice Sets `pay` wei aside for a settled round. Only the ledger.
    function reserve(bytes32 job, uint96 pay) external;

    /// @notice Takes back a reservation. Only the ledger.
    function unreserve(bytes32 job, uint96 pay) external;

    /// @notice Turns a reservation into claims, shared out by `payoutRoot`. Only the ledger.
    function release(bytes32 job, uint96 pay, bytes32 payoutRoot) external;

    /// @notice Pays `account` what it has not received of `cumulative` wei. Anyone may send it.
    function claim(bytes32 job, address account, uint256 cumulative, bytes32[] calldata proof)
        external
        returns (uint256 amount);

    /// @notice Like `claim`, for an account without gas: the caller keeps a `fee` that the account
    /// signed for (EIP-712 or ERC-1271), as
    /// `Claim(bytes32 job,address account,uint256 cumulative,uint256 fee,address relayer,uint256 nonce,uint256 deadline)`
    /// with relayer = caller, and nonce = nonces(account).
    function claimFor(
        bytes32 job,
        address account,
        uint256 cumulative,
        bytes32[] calldata proof,
        uint256 fee,
        uint256 deadline,
        bytes calldata signature
    ) external returns (uint256 amount);

    /// @notice Many claims at once. One that was paid in the meantime is skipped, so that nobody
    /// can stop a batch by sending a single claim of it first.
    function claimMany(Claim[] calldata claims) external returns (uint256 amount);

    /// @notice Everything known about a job; all zero if it was never opened.
    function jobs(bytes32 job) external view returns (Job memory);

    /// @notice The wei an account was paid by a job so far.
    function claimedBy(bytes32 job, address account) external view returns (uint256);

    /// @notice A job's owner, or zero.
    function ownerOf(bytes32 job) external view returns (address);

    /// @notice A job's coordinator, or zero.
    function coordinatorOf(bytes32 job) external view returns (address);

    /// @notice True if the job takes new rounds and deposits.
    function isOpen(bytes32 job) external view returns (bool);
}
