#include "chain/json_fields.h"

#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

using nlohmann::json;

TEST(JsonFieldsTest, QuantitiesRoundTrip) {
  EXPECT_EQ(ToQuantity(0), "0x0");
  EXPECT_EQ(ToQuantity(1024), "0x400");
  EXPECT_EQ(ToQuantity(absl::Uint128Max()), "0x" + std::string(32, 'f'));
  for (absl::uint128 value : {absl::uint128{0}, absl::uint128{15}, absl::uint128{16},
                              absl::uint128{1} << 64, absl::Uint128Max()}) {
    EXPECT_EQ(*QuantityOf(ToQuantity(value), "x"), value);
  }
}

TEST(JsonFieldsTest, RefusesWhatIsNoQuantity) {
  for (const json& value : {json("0x"), json(""), json("12"), json("0xg"), json(12), json(nullptr),
                            json("0x1" + std::string(32, '0')), json::array(), json("0x-1")}) {
    EXPECT_EQ(QuantityOf(value, "x").status().code(), absl::StatusCode::kUnavailable) << value;
  }
}

TEST(JsonFieldsTest, Uint64HasItsBoundary) {
  EXPECT_EQ(*Uint64Of("0xffffffffffffffff", "x"), ~uint64_t{0});
  EXPECT_EQ(Uint64Of("0x10000000000000000", "x").status().code(), absl::StatusCode::kUnavailable);
}

TEST(JsonFieldsTest, DataNeedsItsPrefixAndWholeBytes) {
  EXPECT_EQ(*DataOf("0x", "x"), Bytes{});
  EXPECT_EQ(*DataOf("0x0aFF", "x"), (Bytes{0x0a, 0xff}));
  for (const json& value : {json("0x1"), json("12"), json("0xzz"), json(1)}) {
    EXPECT_EQ(DataOf(value, "x").status().code(), absl::StatusCode::kUnavailable) << value;
  }
}

TEST(JsonFieldsTest, ErrorsNameTheField) {
  const json object = {{"present", "0x1"}, {"empty", nullptr}};
  EXPECT_EQ(*Uint64Field(object, "present"), 1u);
  for (const char* key : {"absent", "empty"}) {
    const absl::Status status = Uint64Field(object, key).status();
    EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
    EXPECT_NE(std::string(status.message()).find(key), std::string::npos);
  }
  EXPECT_EQ(Field(json(1), "x").status().code(), absl::StatusCode::kUnavailable);
  EXPECT_EQ(FixedField<Address>(object, "present").status().code(), absl::StatusCode::kUnavailable);
}

}  // namespace
}  // namespace tessera::chain
