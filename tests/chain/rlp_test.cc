#include "chain/rlp.h"

#include <random>

#include "gtest/gtest.h"
#include "tests/chain/vectors.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::HexBytes;
using testing::Vectors;

// The encoding of an item in the notation of the vectors: hexadecimal strings and lists.
Bytes EncodeJson(const json& item) {
  if (item.is_string()) return EncodeRlpString(HexBytes(item));
  struct Fill {
    static void Into(RlpList& list, const json& items) {
      for (const json& child : items) {
        if (child.is_string()) {
          list.String(HexBytes(child));
        } else {
          RlpList inner;
          Into(inner, child);
          list.List(inner);
        }
      }
    }
  };
  RlpList list;
  Fill::Into(list, item);
  return list.Encode();
}

json ToJson(const RlpItem& item) {
  if (item.kind == RlpItem::Kind::kString) return ToHex(item.content);
  json list = json::array();
  for (const RlpItem& child : item.items) list.push_back(ToJson(child));
  return list;
}

absl::StatusCode CodeOf(std::string_view hex) { return DecodeRlp(*ParseHex(hex)).status().code(); }

TEST(RlpTest, EncodesAsCastDoes) {
  for (const json& row : Vectors()["rlp"]) {
    EXPECT_EQ(ToHex(EncodeJson(row["item"])), row["encoding"]) << row["item"];
  }
}

TEST(RlpTest, DecodesWhatCastEncoded) {
  for (const json& row : Vectors()["rlp"]) {
    const Bytes encoding = HexBytes(row["encoding"]);
    const absl::StatusOr<RlpItem> item = DecodeRlp(encoding);
    ASSERT_TRUE(item.ok()) << item.status();
    EXPECT_EQ(ToJson(*item), row["item"]);
  }
}

TEST(RlpTest, IntegersHaveNoLeadingZeros) {
  EXPECT_EQ(ToHex(EncodeRlpInteger(0)), "0x80");
  EXPECT_EQ(ToHex(EncodeRlpInteger(0x7f)), "0x7f");
  EXPECT_EQ(ToHex(EncodeRlpInteger(0x80)), "0x8180");
  EXPECT_EQ(ToHex(EncodeRlpInteger(1024)), "0x820400");
  EXPECT_EQ(ToHex(EncodeRlpInteger(absl::Uint128Max())), "0x90" + std::string(32, 'f'));
}

TEST(RlpTest, IntegersRoundTrip) {
  for (absl::uint128 value :
       {absl::uint128{0}, absl::uint128{127}, absl::uint128{256}, absl::Uint128Max()}) {
    const Bytes encoding = EncodeRlpInteger(value);
    EXPECT_EQ(*DecodeRlp(encoding)->Integer(), value);
  }
}

TEST(RlpTest, RefusesIntegersThatAreNotCanonical) {
  const Bytes leading_zero = *ParseHex("0x820001");
  EXPECT_EQ(DecodeRlp(leading_zero)->Integer().status().code(), absl::StatusCode::kInvalidArgument);
  const Bytes list = *ParseHex("0xc0");
  EXPECT_EQ(DecodeRlp(list)->Integer().status().code(), absl::StatusCode::kInvalidArgument);
  const Bytes too_wide = *ParseHex("0x9101" + std::string(32, '0'));
  EXPECT_EQ(DecodeRlp(too_wide)->Integer().status().code(), absl::StatusCode::kOutOfRange);
}

TEST(RlpTest, RefusesMalformedEncodings) {
  for (const char* hex : {
           "0x",                    // Nothing.
           "0x82aa",                // Content cut off.
           "0xb8",                  // Length cut off.
           "0x8100",                // A prefix on a byte that stands for itself.
           "0xb801aa",              // Long form of a short length.
           "0xb90038",              // Length with a leading zero.
           "0xbfffffffffffffffff",  // A length of 2^64 - 1.
           "0xc2aa",                // List cut off.
           "0xc182",                // Item cut off inside a list.
           "0xf801aa",              // Long form of a short list.
           "0x0000",                // Trailing byte.
       }) {
    EXPECT_EQ(CodeOf(hex), absl::StatusCode::kInvalidArgument) << hex;
  }
}

TEST(RlpTest, BoundsDepthAndLength) {
  const auto nested = [](int lists) {
    Bytes encoding = RlpList().Encode();
    for (int i = 1; i < lists; ++i) {
      encoding.insert(encoding.begin(), static_cast<uint8_t>(0xc0 + encoding.size()));
    }
    return encoding;
  };
  EXPECT_TRUE(DecodeRlp(nested(kRlpDepthMax)).ok());
  EXPECT_EQ(DecodeRlp(nested(kRlpDepthMax + 1)).status().code(),
            absl::StatusCode::kInvalidArgument);
  EXPECT_EQ(DecodeRlp(Bytes(kRlpBytesMax + 1)).status().code(),
            absl::StatusCode::kResourceExhausted);
}

// Whatever decodes is the one encoding of what it decodes to.
TEST(RlpTest, HostileBytesNeverCrashAndDecodingIsInjective) {
  const uint32_t seed = 20260101;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  constexpr uint8_t kPrefixes[] = {0x00, 0x7f, 0x80, 0x81, 0xb7, 0xb8,
                                   0xbf, 0xc0, 0xc1, 0xf7, 0xf8};
  int decoded = 0;
  for (int i = 0; i < 100'000; ++i) {
    Bytes bytes(1 + random() % 12);
    for (uint8_t& byte : bytes) {
      byte = random() % 2 ? kPrefixes[random() % std::size(kPrefixes)]
                          : static_cast<uint8_t>(random());
    }
    const absl::StatusOr<RlpItem> item = DecodeRlp(bytes);
    if (!item.ok()) continue;
    ++decoded;
    EXPECT_EQ(EncodeJson(ToJson(*item)), bytes) << ToHex(bytes);
  }
  EXPECT_GT(decoded, 1000);
}

}  // namespace
}  // namespace tessera::chain
