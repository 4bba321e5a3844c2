#include "chain/abi_type.h"

#include "gmock/gmock.h"
#include "gtest/gtest.h"

namespace tessera::chain {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

TEST(AbiTypeTest, SplitsParametersAtTheTopLevelOnly) {
  EXPECT_THAT(*ParameterTypes("f()"), IsEmpty());
  EXPECT_THAT(*ParameterTypes("f(bytes32,((uint64,bytes)[],bool),address[2])"),
              ElementsAre("bytes32", "((uint64,bytes)[],bool)", "address[2]"));
}

TEST(AbiTypeTest, RefusesSignaturesThatDoNotMatch) {
  for (const char* signature : {"", "f", "(uint8)", "f(uint8", "f((uint8)", "f(uint8))"}) {
    EXPECT_EQ(ParameterTypes(signature).status().code(), absl::StatusCode::kInvalidArgument)
        << signature;
  }
}

TEST(AbiTypeTest, KnowsShapes) {
  struct Case {
    const char* type;
    bool is_dynamic;
    size_t head_words;
  };
  for (const Case& c :
       {Case{"uint8", false, 1}, Case{"int256", false, 1}, Case{"bytes32", false, 1},
        Case{"bytes", true, 1}, Case{"string", true, 1}, Case{"bool[3]", false, 3},
        Case{"uint64[]", true, 1}, Case{"bytes[2]", true, 1}, Case{"(address,uint64)", false, 2},
        Case{"(address,bytes)", true, 1}, Case{"(uint8,(bool,bool)[2])", false, 5},
        Case{"()", false, 0}}) {
    const absl::StatusOr<AbiShape> shape = ShapeOf(c.type);
    ASSERT_TRUE(shape.ok()) << shape.status();
    EXPECT_EQ(shape->is_dynamic, c.is_dynamic) << c.type;
    EXPECT_EQ(shape->head_words, c.head_words) << c.type;
  }
}

TEST(AbiTypeTest, RefusesWhatIsNoCanonicalType) {
  for (const char* type : {"", "uint", "uint7", "uint264", "bytes0", "bytes33", "address payable",
                           "uint256 amount", "uint8[0]", "uint8[x]", "[]", "(uint8", "Stake"}) {
    EXPECT_EQ(ShapeOf(type).status().code(), absl::StatusCode::kInvalidArgument) << type;
  }
}

}  // namespace
}  // namespace tessera::chain
