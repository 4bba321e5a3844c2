#include "chain/receipt.h"

#include <nlohmann/json.hpp>

#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

using nlohmann::json;

json GoodLog() {
  return {{"address", Address{}.hex()},
          {"topics", json::array({Digest{}.hex()})},
          {"data", "0x01"},
          {"blockNumber", "0x2"},
          {"blockHash", Digest{}.hex()},
          {"transactionHash", Digest{}.hex()},
          {"logIndex", "0x3"}};
}

json GoodReceipt() {
  return {{"transactionHash", Digest{}.hex()},
          {"blockNumber", "0x2"},
          {"blockHash", Digest{}.hex()},
          {"status", "0x1"},
          {"gasUsed", "0x5208"},
          {"effectiveGasPrice", "0x3b9aca00"},
          {"contractAddress", nullptr},
          {"logs", json::array({GoodLog()})}};
}

TEST(ReceiptTest, ReadsEveryField) {
  const absl::StatusOr<Receipt> receipt = ReceiptFromJson(GoodReceipt());
  ASSERT_TRUE(receipt.ok()) << receipt.status();
  EXPECT_EQ(receipt->outcome, TxOutcome::kSucceeded);
  EXPECT_EQ(receipt->gas_used, 21000u);
  EXPECT_EQ(receipt->effective_gas_price_wei, 1'000'000'000u);
  EXPECT_EQ(receipt->created, std::nullopt);
  ASSERT_EQ(receipt->logs.size(), 1u);
  EXPECT_EQ(receipt->logs[0].data, Bytes{1});
  EXPECT_EQ(receipt->logs[0].log_index, 3u);
}

TEST(ReceiptTest, StatusZeroIsARevert) {
  json receipt = GoodReceipt();
  receipt["status"] = "0x0";
  EXPECT_EQ(ReceiptFromJson(receipt)->outcome, TxOutcome::kReverted);
  receipt["status"] = "0x2";
  EXPECT_EQ(ReceiptFromJson(receipt).status().code(), absl::StatusCode::kUnavailable);
}

TEST(ReceiptTest, EveryFieldIsNeeded) {
  const json good = GoodReceipt();
  for (const auto& [key, value] : good.items()) {
    if (key == "contractAddress") continue;
    SCOPED_TRACE(key);
    json receipt = good;
    receipt.erase(key);
    EXPECT_EQ(ReceiptFromJson(receipt).status().code(), absl::StatusCode::kUnavailable);
    receipt[key] = 5;
    EXPECT_EQ(ReceiptFromJson(receipt).status().code(), absl::StatusCode::kUnavailable);
  }
  const json good_log = GoodLog();
  for (const auto& [key, value] : good_log.items()) {
    SCOPED_TRACE(key);
    json log = good_log;
    log.erase(key);
    EXPECT_EQ(LogFromJson(log).status().code(), absl::StatusCode::kUnavailable);
  }
}

TEST(ReceiptTest, ALogHasFourTopicsAtMost) {
  json log = GoodLog();
  log["topics"] = json::array();
  for (int i = 0; i < 4; ++i) log["topics"].push_back(Digest{}.hex());
  EXPECT_TRUE(LogFromJson(log).ok());
  log["topics"].push_back(Digest{}.hex());
  EXPECT_EQ(LogFromJson(log).status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tessera::chain
