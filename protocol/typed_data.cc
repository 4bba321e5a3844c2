#include "protocol/typed_data.h"

#include "base/hash.h"
#include "protocol/abi_words.h"

namespace tessera {
namespace {

constexpr std::string_view kDomainType =
    "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)";
constexpr std::string_view kCommitmentType =
    "Commitment(bytes32 job,uint64 round,address worker,uint32 engineClass,bytes32 baseModelRoot,"
    "uint32 shard,bytes32 updateRoot,uint64 updateBytes,uint64 dimension,bytes32 stateChainRoot,"
    "uint32 segments)";
constexpr std::string_view kReceiptType =
    "Receipt(bytes32 job,uint64 round,address worker,bytes32 commitment,uint64 receivedMs)";
constexpr std::string_view kVerdictType =
    "Verdict(bytes32 job,uint64 round,address auditor,address worker,bytes32 commitment,"
    "uint32 segment,bytes32 resultRoot,uint8 outcome)";
constexpr std::string_view kKeyBindingType = "KeyBinding(bytes32 authenticationKey,address payout)";

Digest HashText(std::string_view text) { return Keccak256(AsBytes(text)); }

// hashStruct starts with the hash of the type.
AbiWords StructOf(std::string_view type) { return AbiWords().Word(HashText(type)); }

}  // namespace

Digest DomainSeparator(const SigningDomain& domain) {
  return StructOf(kDomainType)
      .Word(HashText("Tessera"))
      .Word(HashText("1"))
      .Uint(domain.chain_id)
      .Account(domain.disputes)
      .Keccak();
}

Digest HashStruct(const Commitment& commitment) {
  return StructOf(kCommitmentType)
      .Word(commitment.job)
      .Uint(commitment.round)
      .Account(commitment.worker)
      .Uint(static_cast<uint32_t>(commitment.engine_class))
      .Word(commitment.base_model_root)
      .Uint(commitment.shard)
      .Word(commitment.update_root)
      .Uint(commitment.update_bytes)
      .Uint(commitment.dimension)
      .Word(commitment.state_chain_root)
      .Uint(commitment.segments)
      .Keccak();
}

Digest HashStruct(const Receipt& receipt) {
  return StructOf(kReceiptType)
      .Word(receipt.job)
      .Uint(receipt.round)
      .Account(receipt.worker)
      .Word(receipt.commitment)
      .Uint(receipt.received_ms)
      .Keccak();
}

Digest HashStruct(const Verdict& verdict) {
  return StructOf(kVerdictType)
      .Word(verdict.job)
      .Uint(verdict.round)
      .Account(verdict.auditor)
      .Account(verdict.worker)
      .Word(verdict.commitment)
      .Uint(verdict.segment)
      .Word(verdict.result_root)
      .Uint(static_cast<uint8_t>(verdict.outcome))
      .Keccak();
}

Digest HashStruct(const KeyBinding& binding) {
  return StructOf(kKeyBindingType)
      .Word(binding.authentication_key)
      .Account(binding.payout)
      .Keccak();
}

Digest TypedDataDigest(const SigningDomain& domain, const Digest& struct_hash) {
  ByteWriter writer;
  writer.Be(uint16_t{0x1901}).Raw(DomainSeparator(domain).view()).Raw(struct_hash.view());
  return Keccak256(writer.bytes());
}

Bytes KeyBindingMessage(const WorkerId& worker, const Address& payout) {
  ByteWriter writer;
  writer.Tag("tessera/v1/key-binding").Raw(worker.view()).Raw(payout.view());
  return std::move(writer).Take();
}

}  // namespace tessera
