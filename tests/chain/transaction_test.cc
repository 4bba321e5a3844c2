#include "chain/transaction.h"

#include "chain/rlp.h"
#include "gtest/gtest.h"
#include "tests/chain/vectors.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::HexAddress;
using testing::HexBytes;
using testing::VectorKey;
using testing::Vectors;

absl::uint128 ParseDecimal(const std::string& text) {
  absl::uint128 value = 0;
  for (char c : text) value = value * 10 + static_cast<unsigned>(c - '0');
  return value;
}

TEST(TransactionTest, KeysHaveTheAddressesThatCastDerives) {
  for (const json& row : Vectors()["keys"]) {
    EXPECT_EQ(Secp256k1Key::FromSecret(HexBytes(row["secret"]))->address(),
              HexAddress(row["address"]));
  }
}

TEST(TransactionTest, SignsAsCastDoes) {
  for (const json& row : Vectors()["transactions"]) {
    SCOPED_TRACE(row["name"]);
    Transaction transaction{
        .chain_id = 31337,
        .nonce = row["nonce"],
        .fees = {.max_fee_wei = ParseDecimal(row["max_fee"]), .tip_wei = ParseDecimal(row["tip"])},
        .gas_limit = row["gas_limit"],
        .value_wei = ParseDecimal(row["value"]),
        .data = HexBytes(row["data"])};
    if (row["to"] != "") transaction.to = HexAddress(row["to"]);
    const SignedTransaction made = SignTransaction(transaction, VectorKey());
    EXPECT_EQ(ToHex(made.raw), row["raw"]);
    EXPECT_EQ(made.hash.hex(), row["hash"]);
  }
}

// One r or s in 128 starts with a zero byte, which a node refuses in an RLP integer.
TEST(TransactionTest, SignatureNumbersLoseTheirLeadingZeros) {
  const Secp256k1Key key = VectorKey();
  int shortened = 0;
  for (uint64_t nonce = 0; nonce < 1000; ++nonce) {
    Transaction transaction;
    transaction.nonce = nonce;
    const Bytes raw = SignTransaction(transaction, key).raw;
    const absl::StatusOr<RlpItem> fields = DecodeRlp(ByteView(raw).subspan(1));
    ASSERT_TRUE(fields.ok()) << fields.status();
    ASSERT_EQ(fields->items.size(), 12u);
    for (size_t i : {10, 11}) {
      const ByteView number = fields->items[i].content;
      ASSERT_NE(number[0], 0);
      shortened += number.size() < 32;
    }
  }
  EXPECT_GT(shortened, 0);
}

TEST(TransactionTest, PredictsContractAddressesAsCastDoes) {
  for (const json& row : Vectors()["created"]) {
    EXPECT_EQ(CreatedAddress(HexAddress(row["sender"]), row["nonce"]), HexAddress(row["created"]))
        << "nonce " << row["nonce"];
  }
}

}  // namespace
}  // namespace tessera::chain
