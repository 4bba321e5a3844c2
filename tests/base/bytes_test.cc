#include "base/bytes.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <random>

#include "base/status_macros.h"

namespace tessera {
namespace {

using absl::StatusCode;
using testing::ElementsAre;
using testing::HasSubstr;

using Word = FixedBytes<struct WordTag, 4>;

TEST(Hex, WritesPrefixAndLowerCase) {
  EXPECT_EQ(ToHex({}), "0x");
  EXPECT_EQ(ToHex(Bytes{0x00, 0x0f, 0xa0, 0xff}), "0x000fa0ff");
}

TEST(Hex, ReadsBothCasesWithAndWithoutPrefix) {
  EXPECT_EQ(ParseHex("0xAbCdEf09").value(), (Bytes{0xab, 0xcd, 0xef, 0x09}));
  EXPECT_EQ(ParseHex("ABcdEF09").value(), (Bytes{0xab, 0xcd, 0xef, 0x09}));
  EXPECT_EQ(ParseHex("").value(), Bytes{});
  EXPECT_EQ(ParseHex("0x").value(), Bytes{});
}

TEST(Hex, RefusesWhatIsNotPairsOfDigits) {
  for (std::string_view text :
       {"0", "0x1", "0xg0", "zz", "0x0x", " 00", "0X00", "00 ", "-1", "/:"}) {
    EXPECT_EQ(ParseHex(text).status().code(), StatusCode::kInvalidArgument) << text;
  }
}

TEST(Hex, RoundTripsRandomBytes) {
  const uint64_t seed = 20240501;
  SCOPED_TRACE(seed);
  std::mt19937_64 random(seed);
  for (int i = 0; i < 200; ++i) {
    Bytes bytes(random() % 70);
    for (uint8_t& byte : bytes) byte = static_cast<uint8_t>(random());
    EXPECT_EQ(ParseHex(ToHex(bytes)).value(), bytes);
  }
}

TEST(FixedBytes, AcceptsExactlyItsLength) {
  EXPECT_EQ(Word::FromBytes(Bytes{1, 2, 3, 4}).value().hex(), "0x01020304");
  EXPECT_EQ(Word::FromBytes(Bytes{1, 2, 3}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Word::FromBytes(Bytes(5)).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Word::FromBytes({}).status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Word::FromHex("0x010203").status().code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Word::FromHex("0x0102030g").status().code(), StatusCode::kInvalidArgument);
}

TEST(FixedBytes, ComparesAsABigEndianNumber) {
  const Word small = Word::FromHex("00000100").value();
  const Word large = Word::FromHex("01000000").value();
  EXPECT_LT(small, large);
  EXPECT_EQ(small, Word::FromHex("0x00000100").value());
  EXPECT_TRUE(Word().is_zero());
  EXPECT_FALSE(small.is_zero());
  EXPECT_EQ(Digest().short_hex(), "0x00000000");
}

TEST(ByteWriter, WritesBothByteOrders) {
  ByteWriter writer;
  writer.Le(uint16_t{0x0102}).Be(uint32_t{0x01020304}).Le(1.0f).Tag("ab").Raw(Bytes{9});
  EXPECT_THAT(writer.bytes(), ElementsAre(2, 1, 1, 2, 3, 4, 0, 0, 0x80, 0x3f, 'a', 'b', 0, 9));
}

TEST(ByteReader, ReadsWhatTheWriterWrote) {
  const Bytes bytes = ByteWriter().Le(uint64_t{77}).Le(-1.5f).Raw(AsBytes("xyz")).bytes();
  ByteReader reader(bytes);
  EXPECT_EQ(reader.Le<uint64_t>("number").value(), 77u);
  EXPECT_EQ(reader.Le<float>("float").value(), -1.5f);
  EXPECT_EQ(AsText(reader.Raw(3, "text").value()), "xyz");
  EXPECT_EQ(reader.remaining(), 0u);
  EXPECT_TRUE(reader.Raw(0, "nothing").ok());
}

TEST(ByteReader, NamesWhatIsTruncatedAndStays) {
  const Bytes bytes(3);
  ByteReader reader(bytes);
  const absl::Status status = reader.Le<uint32_t>("dimension").status();
  EXPECT_EQ(status.code(), StatusCode::kOutOfRange);
  EXPECT_THAT(std::string(status.message()), HasSubstr("dimension"));
  EXPECT_EQ(reader.remaining(), 3u);
  EXPECT_EQ(reader.Raw(SIZE_MAX, "all").status().code(), StatusCode::kOutOfRange);
}

absl::StatusOr<int> Positive(int value) {
  if (value <= 0) return absl::OutOfRangeError("not positive");
  return value;
}

absl::StatusOr<int> SumOfPositive(int a, int b) {
  ASSIGN_OR_RETURN(const int first, Positive(a));
  ASSIGN_OR_RETURN(const int second, Positive(b));
  RETURN_IF_ERROR(Positive(first + second).status());
  return first + second;
}

TEST(StatusMacros, ReturnTheFirstErrorOrGoOn) {
  EXPECT_EQ(SumOfPositive(1, 2).value(), 3);
  EXPECT_EQ(SumOfPositive(0, 2).status().code(), StatusCode::kOutOfRange);
  EXPECT_EQ(SumOfPositive(1, -2).status().code(), StatusCode::kOutOfRange);
}

TEST(StatusMacros, AnnotateKeepsTheCode) {
  const absl::Status status = Annotate(absl::NotFoundError("no file"), "round 3");
  EXPECT_EQ(status, absl::NotFoundError("round 3: no file"));
  EXPECT_TRUE(Annotate(absl::OkStatus(), "round 3").ok());
}

}  // namespace
}  // namespace tessera
