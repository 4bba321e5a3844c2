#include "cli/output.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

namespace tessera::cli {
namespace {

TEST(ExitCode, FollowsTheCanonicalCode) {
  using Code = absl::StatusCode;
  for (const auto& [code, expected] :
       std::initializer_list<std::pair<Code, int>>{{Code::kOk, 0},
                                                   {Code::kInternal, 1},
                                                   {Code::kUnknown, 1},
                                                   {Code::kUnimplemented, 1},
                                                   {Code::kCancelled, 1},
                                                   {Code::kInvalidArgument, 2},
                                                   {Code::kOutOfRange, 2},
                                                   {Code::kNotFound, 3},
                                                   {Code::kFailedPrecondition, 4},
                                                   {Code::kAlreadyExists, 4},
                                                   {Code::kAborted, 4},
                                                   {Code::kResourceExhausted, 4},
                                                   {Code::kUnavailable, 5},
                                                   {Code::kDeadlineExceeded, 5},
                                                   {Code::kPermissionDenied, 6},
                                                   {Code::kUnauthenticated, 6},
                                                   {Code::kDataLoss, 9}}) {
    EXPECT_EQ(static_cast<int>(ExitCodeOf(absl::Status(code, "x"))), expected)
        << absl::StatusCodeToString(code);
  }
}

TEST(Output, WritesErrorsAsTextOrJson) {
  testing::internal::CaptureStderr();
  Output(OutputFormat::kText).Error(absl::NotFoundError("no job (launch one)"));
  EXPECT_EQ(testing::internal::GetCapturedStderr(), "tessera: no job (launch one)\n");
  testing::internal::CaptureStderr();
  Output(OutputFormat::kJson).Error(absl::NotFoundError("no \"job\""));
  EXPECT_EQ(testing::internal::GetCapturedStderr(),
            "{\"error\":{\"code\":\"not-found\",\"message\":\"no \\\"job\\\"\"}}\n");
}

TEST(Output, AnswersInTheChosenFormat) {
  testing::internal::CaptureStdout();
  Output(OutputFormat::kText).Answer({{"rounds", 3}}, "three rounds");
  Output(OutputFormat::kJson).Answer({{"rounds", 3}}, "three rounds");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "three rounds\n{\"rounds\":3}\n");
}

TEST(Output, SurvivesTextThatIsNoUtf8) {
  testing::internal::CaptureStdout();
  Output(OutputFormat::kJson).Answer({{"name", "\xff"}}, "");
  EXPECT_EQ(testing::internal::GetCapturedStdout(), "{\"name\":\"\xEF\xBF\xBD\"}\n");
}

}  // namespace
}  // namespace tessera::cli
