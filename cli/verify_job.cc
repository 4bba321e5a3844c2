#include "cli/verify_job.h"

#include "base/status_macros.h"
#include "cli/verify_audit.h"
#include "cli/verify_pay.h"
#include "protocol/blob_format.h"

namespace tessera::cli {
namespace {

// Amounts from a chain that may lie: a sum that leaves the range is a difference, not the end of
// the process.
Check AddTo(Wei& sum, Wei amount, std::string_view what) {
  if (amount > Wei::Max() - sum) {
    return Difference{std::string(what), "at most 2^96 - 1 wei", "more"};
  }
  sum += amount;
  return std::nullopt;
}

}  // namespace

Check CheckJob(const PublishedJob& published, const chain::JobView& escrow) {
  const absl::StatusOr<JobSpec> spec = DecodeJobSpec(published.spec_bytes);
  if (!spec.ok()) {
    return Difference{"the job specification", "canonical bytes",
                      std::string(MessageOf(spec.status()))};
  }
  TESSERA_RETURN_IF_DIFFERENT(
      Same("the hash of the job specification", escrow.spec_hash, JobSpecHash(*spec)));
  const absl::StatusOr<DataManifest> manifest = DecodeManifest(published.manifest_bytes);
  if (!manifest.ok()) {
    return Difference{"the manifest", "canonical bytes", std::string(MessageOf(manifest.status()))};
  }
  const absl::StatusOr<BlobRoot> root = ComputeBlobRoot(published.manifest_bytes);
  TESSERA_RETURN_IF_DIFFERENT(
      Same("the root of the manifest", spec->manifest_root, root.value_or(BlobRoot{})));
  return Same("the initial model", InitialCarryOver(*spec).model_root,
              published.initial_model_root);
}

Check CheckSettledRound(const JobFacts& facts, const RoundEvidence& evidence,
                        const RoundOnChain& on_chain, std::span<const Bytes> updates,
                        CarryOver& carry) {
  CarryOver after = carry;
  TESSERA_RETURN_IF_DIFFERENT(CheckCommitments(facts, carry, evidence, on_chain));
  TESSERA_RETURN_IF_DIFFERENT(CheckSeed(facts, evidence, on_chain));
  TESSERA_RETURN_IF_DIFFERENT(CheckModel(facts, carry, evidence, on_chain, updates, after));
  TESSERA_RETURN_IF_DIFFERENT(CheckAudits(facts, carry, evidence, on_chain));
  TESSERA_RETURN_IF_DIFFERENT(CheckPay(facts, carry, evidence, on_chain, after));
  carry = std::move(after);
  return std::nullopt;
}

Check CheckAbortedRound(const JobFacts& facts, const RoundEvidence& evidence,
                        const RoundOnChain& on_chain, const CarryOver& carry) {
  TESSERA_RETURN_IF_DIFFERENT(CheckCommitments(facts, carry, evidence, on_chain));
  TESSERA_RETURN_IF_DIFFERENT(Same("the pay of an aborted round", Wei(), on_chain.view.pay));
  return Same("the model of an aborted round on the chain", BlobRoot{}, on_chain.view.model_root);
}

Check CheckEscrow(const chain::JobView& escrow, std::span<const chain::RoundView> rounds) {
  Wei released;
  Wei reserved;
  Digest payout_root;
  for (const chain::RoundView& round : rounds) {
    if (round.phase == chain::LedgerPhase::kFinal) {
      TESSERA_RETURN_IF_DIFFERENT(AddTo(released, round.pay, "the pay of final rounds"));
      payout_root = round.payout_root;
    } else if (round.phase == chain::LedgerPhase::kSettled) {
      TESSERA_RETURN_IF_DIFFERENT(AddTo(reserved, round.pay, "the pay of settled rounds"));
    }
  }
  TESSERA_RETURN_IF_DIFFERENT(Same("what the escrow released", released, escrow.released));
  TESSERA_RETURN_IF_DIFFERENT(Same("what the escrow reserves", reserved, escrow.reserved));
  TESSERA_RETURN_IF_DIFFERENT(
      Same("the payout root that claims are paid by", payout_root, escrow.payout_root));
  Wei out = released;
  TESSERA_RETURN_IF_DIFFERENT(AddTo(out, reserved, "released and reserved"));
  TESSERA_RETURN_IF_DIFFERENT(AddTo(out, escrow.refunded, "released, reserved and refunded"));
  if (out > escrow.deposited) {
    return Difference{"what left the escrow", "at most " + escrow.deposited.ToString() + " wei",
                      out.ToString() + " wei"};
  }
  if (escrow.claimed > escrow.released) {
    return Difference{"what was claimed", "at most " + escrow.released.ToString() + " wei",
                      escrow.claimed.ToString() + " wei"};
  }
  return std::nullopt;
}

}  // namespace tessera::cli
