#include "chain/revert.h"

#include <random>

#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

RevertDecoder Decoder() {
  return RevertDecoder(std::vector<std::string>{
      "NotOpen()", "Insufficient(address,uint96,bool,bytes32)", "Odd(bytes)"});
}

TEST(RevertTest, ReadsTheStringOfARequire) {
  EXPECT_EQ(Decoder().Describe(CallData("Error(string)").String("too late").Encode()),
            "Error: too late");
}

TEST(RevertTest, ReadsPanicCodes) {
  EXPECT_EQ(Decoder().Describe(CallData("Panic(uint256)").Uint(0x11).Encode()), "Panic(0x11)");
}

TEST(RevertTest, NamesRegisteredErrorsWithTheirArguments) {
  EXPECT_EQ(Decoder().Describe(CallData("NotOpen()").Encode()), "NotOpen()");
  Address account;
  account.data()[0] = 0xab;
  Digest word;
  word.data()[31] = 7;
  EXPECT_EQ(Decoder().Describe(CallData("Insufficient(address,uint96,bool,bytes32)")
                                   .Addr(account)
                                   .Amount(Wei(12))
                                   .Bool(true)
                                   .Word(word)
                                   .Encode()),
            "Insufficient(" + account.hex() + ", 12, true, " + word.hex() + ")");
  EXPECT_EQ(Decoder().Describe(CallData("Odd(bytes)").DynamicBytes({}).Encode()), "Odd(...)");
}

TEST(RevertTest, ShowsTheSelectorOfUnknownErrors) {
  EXPECT_EQ(Decoder().Describe(*ParseHex("0x1234567800")),
            "custom error 0x12345678 with 1 bytes of arguments");
  EXPECT_EQ(Decoder().Describe({}), "reverted without a reason");
  EXPECT_EQ(Decoder().Describe(Bytes{1, 2, 3}), "reverted without a reason");
}

TEST(RevertTest, StatusCarriesTheData) {
  const absl::Status status = RevertStatus("reverted", CallData("NotOpen()").Encode());
  EXPECT_EQ(status.code(), absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(*RevertDataOf(status), CallData("NotOpen()").Encode());
  EXPECT_TRUE(IsRevert(status, "NotOpen()"));
  EXPECT_FALSE(IsRevert(status, "Odd(bytes)"));
  EXPECT_FALSE(IsRevert(absl::FailedPreconditionError("NotOpen()"), "NotOpen()"));
  EXPECT_EQ(RevertDataOf(absl::OkStatus()), std::nullopt);
}

TEST(RevertTest, PrintableBoundsAndCleansText) {
  EXPECT_EQ(Printable("a\n\x1b[31mb"), "a??[31mb");
  EXPECT_EQ(Printable(std::string(201, 'x')), std::string(200, 'x') + "...");
  EXPECT_EQ(Printable(std::string(200, 'x')), std::string(200, 'x'));
}

TEST(RevertTest, HostileDataGivesPrintableText) {
  const uint32_t seed = 20260103;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  const Bytes starts[] = {CallData("Error(string)").String("x").Encode(),
                          CallData("Panic(uint256)").Uint(1).Encode(),
                          CallData("Odd(bytes)").DynamicBytes(Bytes(40)).Encode(),
                          CallData("Insufficient(address,uint96,bool,bytes32)")
                              .Addr({})
                              .Uint(1)
                              .Bool(false)
                              .Word({})
                              .Encode()};
  const RevertDecoder decoder = Decoder();
  for (int i = 0; i < 20'000; ++i) {
    Bytes data = starts[random() % std::size(starts)];
    data.resize(random() % (data.size() + 1));
    for (size_t flips = random() % 4; flips > 0 && data.size() > 4; --flips) {
      data[4 + random() % (data.size() - 4)] = static_cast<uint8_t>(random());
    }
    const std::string text = decoder.Describe(data);
    EXPECT_FALSE(text.empty());
    EXPECT_EQ(text, Printable(text).size() > 200 ? text : Printable(text));
  }
}

}  // namespace
}  // namespace tessera::chain
