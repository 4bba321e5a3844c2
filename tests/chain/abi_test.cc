#include "chain/abi.h"

#include <functional>
#include <map>
#include <random>

#include "base/hash.h"
#include "gtest/gtest.h"
#include "tests/chain/vectors.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using testing::HexAddress;
using testing::HexBytes;
using testing::Vectors;

Digest Named(std::string_view name) { return Keccak256(AsBytes(name)); }
Address Addr1() { return HexAddress(Vectors()["addr1"]); }
Address Addr2() { return HexAddress(Vectors()["addr2"]); }
std::vector<Digest> Proof() { return {Named("p0"), Named("p1")}; }

AbiValues Commitment() {
  return AbiValues()
      .Word(Named("job"))
      .Uint(7)
      .Addr(Addr1())
      .Uint(1)
      .Word(Named("base"))
      .Uint(3)
      .Word(Named("root"))
      .Uint(4294967296)
      .Uint(1000)
      .Word(Named("chain"))
      .Uint(4);
}

AbiValues Verdict() {
  return AbiValues()
      .Word(Named("job"))
      .Uint(7)
      .Addr(Addr2())
      .Addr(Addr1())
      .Word(Named("commitment"))
      .Uint(2)
      .Word(Named("result"))
      .Uint(1);
}

AbiValues Ballot(ByteView signature, uint32_t slot, std::string_view leaf,
                 std::span<const Digest> proof) {
  return AbiValues()
      .Tuple(Verdict())
      .DynamicBytes(signature)
      .Uint(slot)
      .Word(Named(leaf))
      .WordArray(proof);
}

// The arguments of each vector, by its name in make_chain_vectors.sh.
const std::map<std::string, std::function<AbiValues&(AbiValues&)>>& Arguments() {
  static const std::map<std::string, std::function<AbiValues&(AbiValues&)>> arguments = {
      {"no_arguments", [](AbiValues& call) -> AbiValues& { return call; }},
      {"static",
       [](AbiValues& call) -> AbiValues& {
         return call.Word(Named("job"))
             .Amount(*Wei::ParseWei("79228162514264337593543950335"))
             .Addr(Addr1())
             .Bool(true)
             .Uint(~uint64_t{0});
       }},
      {"bytes",
       [](AbiValues& call) -> AbiValues& {
         return call.Word(Named("job"))
             .Uint(absl::Uint128Max())
             .DynamicBytes(Bytes{0xaa, 0xbb, 0xcc});
       }},
      {"bytes_empty", [](AbiValues& call) -> AbiValues& { return call.DynamicBytes({}); }},
      {"bytes_of_32",
       [](AbiValues& call) -> AbiValues& { return call.DynamicBytes(Named("job").view()); }},
      {"string",
       [](AbiValues& call) -> AbiValues& {
         return call.String("a string that is longer than one word of 32 bytes").Uint(9);
       }},
      {"word_array",
       [](AbiValues& call) -> AbiValues& { return call.Addr(Addr1()).WordArray(Proof()); }},
      {"address_array",
       [](AbiValues& call) -> AbiValues& {
         return call.WordArray(std::vector{WordOf(Addr1()), WordOf(Addr2())})
             .WordArray(std::vector{WordOf(1), WordOf(2), WordOf(3)});
       }},
      {"selector_array",
       [](AbiValues& call) -> AbiValues& {
         return call.Addr(Addr1())
             .WordArray(std::vector{WordOf(SelectorOf("transfer(address,uint256)")),
                                    WordOf(SelectorOf("approve(address,uint256)"))})
             .Uint(5);
       }},
      {"open_dispute",
       [](AbiValues& call) -> AbiValues& {
         return call.Tuple(Commitment()).DynamicBytes(Bytes{1, 2, 3}).Uint(6).WordArray(Proof());
       }},
      {"decide_none", [](AbiValues& call) -> AbiValues& { return call.Uint(5).TupleArray({}); }},
      {"decide_two",
       [](AbiValues& call) -> AbiValues& {
         return call.Uint(5).TupleArray(
             std::vector{Ballot(Bytes(65, 0x5a), 4, "leaf", Proof()), Ballot({}, 9, "leaf2", {})});
       }},
      {"static_tuples",
       [](AbiValues& call) -> AbiValues& {
         return call.TupleArray(
             std::vector{AbiValues().Addr(Addr1()).Uint(1), AbiValues().Addr(Addr2()).Uint(2)});
       }},
      {"dynamic_tuple",
       [](AbiValues& call) -> AbiValues& {
         return call.Tuple(AbiValues().Addr(Addr1()).String("worker")).Uint(1);
       }},
  };
  return arguments;
}

TEST(AbiTest, EncodesCallsAsCastDoes) {
  ASSERT_EQ(Vectors()["calls"].size(), Arguments().size());
  for (const json& row : Vectors()["calls"]) {
    const std::string name = row["name"];
    SCOPED_TRACE(name);
    AbiValues call = CallData(row["signature"].get<std::string>());
    EXPECT_EQ(ToHex(Arguments().at(name)(call).Encode()), row["data"]);
  }
}

TEST(AbiTest, SelectorsAndTopicsMatchCast) {
  for (const json& row : Vectors()["selectors"]) {
    EXPECT_EQ(SelectorOf(row["signature"].get<std::string>()).hex(), row["selector"]);
  }
  for (const json& row : Vectors()["hashes"]) {
    EXPECT_EQ(EventTopic(row["text"].get<std::string>()).hex(), row["keccak"]);
  }
}

TEST(AbiTest, CreationDataIsCodeThenArguments) {
  EXPECT_EQ(CreationData(Bytes{0x60, 0x00}).Uint(1).Encode(),
            ByteWriter().Be(uint16_t{0x6000}).Raw(WordOf(1).view()).bytes());
}

TEST(AbiDeathTest, ArgumentsThatContradictTheSignatureEndTheProcess) {
  EXPECT_DEATH(CallData("f(uint256)").Encode(), "wrong number of arguments");
  EXPECT_DEATH(CallData("f(bytes)").Uint(1).Encode(), "argument 0 is no bytes");
  EXPECT_DEATH(CallData("f((uint8,uint8))").Tuple(AbiValues().Uint(1)).Encode(), "argument 0");
  EXPECT_DEATH(CallData("f(uint)").Uint(1).Encode(), "not an ABI type");
}

TEST(AbiReaderTest, ReadsBackWhatWasWritten) {
  const Bytes data = AbiValues()
                         .Uint(255)
                         .Uint(~uint32_t{0})
                         .Uint(~uint64_t{0})
                         .Uint(absl::Uint128Max())
                         .Amount(Wei(5))
                         .Addr(Addr1())
                         .Bool(true)
                         .DynamicBytes(Bytes{1, 2, 3})
                         .WordArray(Proof())
                         .Word(Named("last"))
                         .Encode();
  AbiReader reader(data);
  EXPECT_EQ(*reader.Uint8("a"), 255);
  EXPECT_EQ(*reader.Uint32("b"), ~uint32_t{0});
  EXPECT_EQ(*reader.Uint64("c"), ~uint64_t{0});
  EXPECT_EQ(*reader.Uint128("d"), absl::Uint128Max());
  EXPECT_EQ(*reader.Amount("e"), Wei(5));
  EXPECT_EQ(*reader.Addr("f"), Addr1());
  EXPECT_EQ(*reader.Bool("g"), true);
  EXPECT_EQ(*reader.DynamicBytes("h"), (Bytes{1, 2, 3}));
  EXPECT_EQ(*reader.WordArray("i"), Proof());
  EXPECT_EQ(*reader.Word("j"), Named("last"));
}

TEST(AbiReaderTest, RefusesValuesJustOutsideTheirType) {
  const auto word = [](absl::uint128 value) { return AbiValues().Uint(value).Encode(); };
  const auto code = [](const auto& result) { return result.status().code(); };
  EXPECT_EQ(code(AbiReader(word(256)).Uint8("x")), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader(word(uint64_t{1} << 32)).Uint32("x")), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader(word(absl::uint128{1} << 64)).Uint64("x")),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader(word(absl::uint128{1} << 96)).Amount("x")),
            absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader(word(2)).Bool("x")), absl::StatusCode::kOutOfRange);
  Bytes wide(32);
  wide[15] = 1;
  EXPECT_EQ(code(AbiReader(wide).Uint128("x")), absl::StatusCode::kOutOfRange);
  wide[15] = 0;
  wide[11] = 1;
  EXPECT_EQ(code(AbiReader(wide).Addr("x")), absl::StatusCode::kOutOfRange);
}

TEST(AbiReaderTest, RefusesTruncationAndBadOffsets) {
  const auto code = [](const auto& result) { return result.status().code(); };
  EXPECT_EQ(code(AbiReader(Bytes(31)).Word("x")), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader({}).Word("x")), absl::StatusCode::kOutOfRange);
  // Offset beyond the data; offset at its end; length beyond it; array length that would overflow.
  const Bytes beyond = AbiValues().Uint(33).Encode();
  EXPECT_EQ(code(AbiReader(beyond).DynamicBytes("x")), absl::StatusCode::kOutOfRange);
  const Bytes at_end = AbiValues().Uint(32).Encode();
  EXPECT_EQ(code(AbiReader(at_end).DynamicBytes("x")), absl::StatusCode::kOutOfRange);
  const Bytes too_long = AbiValues().Uint(32).Uint(33).Word(Digest{}).Encode();
  EXPECT_EQ(code(AbiReader(too_long).DynamicBytes("x")), absl::StatusCode::kOutOfRange);
  const Bytes overflow = AbiValues().Uint(32).Uint(~uint64_t{0}).Word(Digest{}).Encode();
  EXPECT_EQ(code(AbiReader(overflow).WordArray("x")), absl::StatusCode::kOutOfRange);
  EXPECT_EQ(code(AbiReader(overflow).DynamicBytes("x")), absl::StatusCode::kOutOfRange);
}

TEST(AbiReaderTest, HostileDataNeverCrashes) {
  const uint32_t seed = 20260102;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  int read = 0;
  for (int i = 0; i < 50'000; ++i) {
    Bytes data(random() % 160);
    for (size_t at = 31; at < data.size(); at += 32) data[at] = static_cast<uint8_t>(random() % 96);
    if (!data.empty()) data[random() % data.size()] = static_cast<uint8_t>(random());
    AbiReader reader(data);
    read += reader.DynamicBytes("bytes").ok();
    read += reader.WordArray("array").ok();
    read += reader.Addr("address").ok();
  }
  EXPECT_GT(read, 1000);
}

}  // namespace
}  // namespace tessera::chain
