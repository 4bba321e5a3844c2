#include "coordinator/rpc/display_text.h"

#include <gtest/gtest.h>

namespace tessera::coordinator {
namespace {

TEST(DisplayText, KeepsPrintableAsciiUpToItsLength) {
  EXPECT_EQ(DisplayText("", 4), "");
  EXPECT_EQ(DisplayText(" ~ab", 4), " ~ab");
  EXPECT_EQ(DisplayText("abcde", 4), "abcd");
}

TEST(DisplayText, ReplacesEveryOtherByte) {
  EXPECT_EQ(DisplayText("\x1b[31m\n\x7f", 16), "?[31m??");
  EXPECT_EQ(DisplayText("a\xc3\xa9", 2), "a?");
}

}  // namespace
}  // namespace tessera::coordinator
