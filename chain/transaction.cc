#include "chain/transaction.h"

#include "base/hash.h"
#include "chain/rlp.h"

namespace tessera::chain {
namespace {

constexpr uint8_t kTypeFeeMarket = 0x02;

RlpList FieldsOf(const Transaction& transaction) {
  RlpList fields;
  fields.Integer(transaction.chain_id)
      .Integer(transaction.nonce)
      .Integer(transaction.fees.tip_wei)
      .Integer(transaction.fees.max_fee_wei)
      .Integer(transaction.gas_limit)
      .String(transaction.to ? transaction.to->view() : ByteView())
      .Integer(transaction.value_wei)
      .String(transaction.data)
      .List(RlpList());
  return fields;
}

Bytes Typed(const RlpList& fields) {
  return ByteWriter().Be(kTypeFeeMarket).Raw(fields.Encode()).bytes();
}

// RLP integers have no leading zeros; r and s are 256-bit, beyond RlpList::Integer.
ByteView WithoutLeadingZeros(ByteView bytes) {
  while (!bytes.empty() && bytes[0] == 0) bytes = bytes.subspan(1);
  return bytes;
}

}  // namespace

SignedTransaction SignTransaction(const Transaction& transaction, const Secp256k1Key& key) {
  RlpList fields = FieldsOf(transaction);
  const EcdsaSignature signature = key.Sign(Keccak256(Typed(fields)));
  const uint8_t y_parity = static_cast<uint8_t>(signature.data()[64] - 27);
  fields.Integer(y_parity)
      .String(WithoutLeadingZeros(signature.view().first(32)))
      .String(WithoutLeadingZeros(signature.view().subspan(32, 32)));
  Bytes raw = Typed(fields);
  const Digest hash = Keccak256(raw);
  return {.raw = std::move(raw), .hash = hash};
}

Address CreatedAddress(const Address& sender, uint64_t nonce) {
  const Digest hash = Keccak256(RlpList().String(sender.view()).Integer(nonce).Encode());
  Address created;
  std::memcpy(created.data(), hash.data() + 12, created.size());
  return created;
}

}  // namespace tessera::chain
