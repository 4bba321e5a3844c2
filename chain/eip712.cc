#include "chain/eip712.h"

#include "base/hash.h"

namespace tessera::chain {

Digest DomainSeparator(const Eip712Domain& domain) {
  return HashStruct(
      "EIP712Domain(string name,string version,uint256 chainId,address verifyingContract)",
      AbiValues()
          .Word(Keccak256(AsBytes(domain.name)))
          .Word(Keccak256(AsBytes(domain.version)))
          .Uint(domain.chain_id)
          .Addr(domain.verifying_contract));
}

Digest TypeHash(std::string_view encoded_type) { return Keccak256(AsBytes(encoded_type)); }

Digest HashStruct(std::string_view encoded_type, const AbiValues& fields) {
  return Keccak256(ByteWriter().Raw(TypeHash(encoded_type).view()).Raw(fields.Encode()).bytes());
}

Digest TypedDataDigest(const Eip712Domain& domain, const Digest& struct_hash) {
  return Keccak256(ByteWriter()
                       .Be(uint16_t{0x1901})
                       .Raw(DomainSeparator(domain).view())
                       .Raw(struct_hash.view())
                       .bytes());
}

Digest HashPermit(const Address& owner, const Address& spender, const Digest& value, uint64_t nonce,
                  uint64_t deadline_s) {
  return HashStruct(
      "Permit(address owner,address spender,uint256 value,uint256 nonce,uint256 deadline)",
      AbiValues().Addr(owner).Addr(spender).Word(value).Uint(nonce).Uint(deadline_s));
}

}  // namespace tessera::chain
