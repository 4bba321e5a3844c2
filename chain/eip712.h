// Typed structured data to sign (EIP-712, https://eips.ethereum.org/EIPS/eip-712).
#pragma once

#include <string>
#include <string_view>

#include "base/bytes.h"
#include "chain/abi.h"

namespace tessera::chain {

// What a signature is bound to: one contract on one chain.
struct Eip712Domain {
  std::string name = {};
  std::string version = {};
  uint64_t chain_id = 0;
  Address verifying_contract = {};
};

// hashStruct of EIP712Domain(string name,string version,uint256 chainId,address verifyingContract).
Digest DomainSeparator(const Eip712Domain& domain);

// keccak256 of an encoded type such as "Mail(address from,string contents)".
Digest TypeHash(std::string_view encoded_type);

// keccak256(typeHash || fields). `fields` are the members in order, one word each: a member of type
// bytes or string enters as Word(Keccak256(it)), a member struct as Word of its own HashStruct.
Digest HashStruct(std::string_view encoded_type, const AbiValues& fields);

// keccak256(0x1901 || domain separator || struct hash): what is signed.
Digest TypedDataDigest(const Eip712Domain& domain, const Digest& struct_hash);

// The struct hash of an ERC-2612 permit (https://eips.ethereum.org/EIPS/eip-2612). `value` is a
// uint256 amount; `deadline_s` counts seconds since 1970.
Digest HashPermit(const Address& owner, const Address& spender, const Digest& value, uint64_t nonce,
                  uint64_t deadline_s);

}  // namespace tessera::chain
