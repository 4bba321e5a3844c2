#include "protocol/rejection.h"

#include <gtest/gtest.h>

#include <set>
#include <string>

namespace tessera {
namespace {

using absl::StatusCode;

TEST(Rejection, EveryReasonSurvivesItsStatusAndItsName) {
  std::set<std::string> names;
  const int last = static_cast<int>(RejectReason::kNotAssigned);
  for (int i = 0; i <= last; ++i) {
    const RejectReason reason = static_cast<RejectReason>(i);
    const absl::Status status = Reject(reason, "round 3: refused");
    EXPECT_FALSE(status.ok());
    EXPECT_NE(status.code(), StatusCode::kUnknown) << i;
    EXPECT_EQ(status.message(), "round 3: refused");
    EXPECT_EQ(ReasonOf(status), reason);
    EXPECT_EQ(ParseRejectReason(RejectReasonName(reason)), reason);
    names.insert(std::string(RejectReasonName(reason)));
  }
  EXPECT_EQ(names.size(), static_cast<size_t>(last) + 1) << "two reasons share a name";
}

TEST(Rejection, HasTheCodeThatFits) {
  EXPECT_EQ(Reject(RejectReason::kSignature, "").code(), StatusCode::kUnauthenticated);
  EXPECT_EQ(Reject(RejectReason::kNonFinite, "").code(), StatusCode::kInvalidArgument);
  EXPECT_EQ(Reject(RejectReason::kLate, "").code(), StatusCode::kFailedPrecondition);
  EXPECT_EQ(Reject(RejectReason::kBanned, "").code(), StatusCode::kPermissionDenied);
  EXPECT_EQ(Reject(RejectReason::kDuplicate, "").code(), StatusCode::kAlreadyExists);
}

TEST(Rejection, OtherStatusesAndNamesHaveNoReason) {
  EXPECT_EQ(ReasonOf(absl::OkStatus()), std::nullopt);
  EXPECT_EQ(ReasonOf(absl::InvalidArgumentError("digest")), std::nullopt);
  EXPECT_EQ(ParseRejectReason(""), std::nullopt);
  EXPECT_EQ(ParseRejectReason("unknown"), std::nullopt);
  EXPECT_EQ(ParseRejectReason("Digest"), std::nullopt);
}

}  // namespace
}  // namespace tessera
