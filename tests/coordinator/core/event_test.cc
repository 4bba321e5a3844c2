#include "coordinator/core/event.h"

#include <gtest/gtest.h>

#include <set>

namespace tessera::coordinator {
namespace {

template <size_t... kIndex>
std::vector<EventBody> AllBodies(std::index_sequence<kIndex...>) {
  return {EventBody(std::in_place_index<kIndex>)...};
}

TEST(EventTest, NamesAreDistinct) {
  std::set<std::string_view> names;
  const auto bodies = AllBodies(std::make_index_sequence<std::variant_size_v<EventBody>>());
  for (const EventBody& body : bodies) names.insert(EventName(body));
  EXPECT_EQ(names.size(), bodies.size());
  EXPECT_EQ(EventName(DeadlinePassed{}), "deadline-passed");
  EXPECT_EQ(EventName(SubmissionRejected{}), "submission-rejected");
  EXPECT_EQ(EventName(VerdictDelivered{}), "verdict-delivered");
  EXPECT_EQ(EventName(RoundLapsed{}), "round-lapsed");
}

TEST(EventTest, RoundsAndSendersAreFoundInside) {
  VerdictDelivered verdict;
  verdict.verdict.round = 3;
  verdict.verdict.auditor = WorkerId(std::array<uint8_t, 20>{1});
  EXPECT_EQ(RoundOf(verdict), 3u);
  EXPECT_EQ(SenderOf(verdict), verdict.verdict.auditor);
  CommitmentReceived commitment;
  commitment.commitment.round = 4;
  EXPECT_EQ(RoundOf(commitment), 4u);
  EXPECT_EQ(RoundOf(RoundSealed{5, {}, 0}), 5u);
  EXPECT_FALSE(RoundOf(DataReady{}).has_value());
  EXPECT_FALSE(SenderOf(RoundSealed{}).has_value());
}

}  // namespace
}  // namespace tessera::coordinator
