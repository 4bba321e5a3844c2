#include "protocol/state_chain.h"

#include <gtest/gtest.h>

#include "tests/protocol/golden.h"
#include "tests/protocol/mutation.h"

namespace tessera {
namespace {

using absl::StatusCode;
using golden::Json;

constexpr RoundId kRound = 12;

std::vector<BlobRoot> Roots(size_t count) {
  std::vector<BlobRoot> roots;
  for (size_t i = 0; i < count; ++i) roots.push_back(Numbered<BlobRoot>(i));
  return roots;
}

StateChain Chain(size_t states) {
  return StateChain::Build(Roots(states), Numbered<Ed25519Seed>(1), Numbered<JobId>(2), kRound)
      .value();
}

TEST(StateChain, GivesTheGoldenSaltsItemsAndRoots) {
  for (const Json& golden_case : golden::LoadSection("protocol.json", "stateChains")) {
    const Ed25519Seed secret = golden::Hex<Ed25519Seed>(golden_case["secret"]);
    const JobId job = golden::Hex<JobId>(golden_case["job"]);
    const RoundId round = golden::Decimal(golden_case["round"]);
    const std::vector<BlobRoot> roots = golden::HexList<BlobRoot>(golden_case["stateRoots"]);
    for (uint32_t i = 0; i < roots.size(); ++i) {
      const Salt salt = StateSalt(secret, job, round, i);
      EXPECT_EQ(salt, golden::Hex<Salt>(golden_case["salts"][i]));
      EXPECT_EQ(StateItem(salt, i, roots[i]), golden::Hex<Digest>(golden_case["items"][i]));
    }
    EXPECT_EQ(StateChain::Build(roots, secret, job, round)->root(),
              golden::Hex<Digest>(golden_case["root"]));
  }
}

TEST(StateChain, OpensEveryState) {
  for (uint32_t states = 2; states <= 12; ++states) {
    const StateChain chain = Chain(states);
    EXPECT_EQ(chain.segments(), states - 1);
    for (uint32_t i = 0; i < states; ++i) {
      const StateOpening opening = chain.Open(i).value();
      EXPECT_EQ(opening.index, i);
      EXPECT_EQ(opening.state_root, Numbered<BlobRoot>(i));
      EXPECT_TRUE(VerifyOpening(chain.root(), chain.segments(), opening));
      EXPECT_FALSE(VerifyOpening(chain.root(), chain.segments() + 1, opening));
    }
    EXPECT_EQ(chain.Open(states).status().code(), StatusCode::kOutOfRange);
    EXPECT_EQ(chain.Open(UINT32_MAX).status().code(), StatusCode::kOutOfRange);
  }
}

TEST(StateChain, NeedsABeginningAndAnEnd) {
  for (size_t states : {size_t{0}, size_t{1}}) {
    EXPECT_EQ(StateChain::Build(Roots(states), Ed25519Seed(), JobId(), 0).status().code(),
              StatusCode::kInvalidArgument);
  }
  EXPECT_EQ(StateChain::Build(std::vector<BlobRoot>(kItemsMax + 1), Ed25519Seed(), JobId(), 0)
                .status()
                .code(),
            StatusCode::kInvalidArgument);
}

TEST(VerifyOpening, RefusesAnyChange) {
  const StateChain chain = Chain(6);
  const StateOpening good = chain.Open(2).value();
  const auto refused = [&](const StateOpening& opening) {
    return !VerifyOpening(chain.root(), chain.segments(), opening);
  };
  StateOpening changed = good;
  changed.index = 3;
  EXPECT_TRUE(refused(changed));
  changed.index = 6;
  EXPECT_TRUE(refused(changed));
  changed.index = UINT32_MAX;
  EXPECT_TRUE(refused(changed));
  changed = good;
  changed.salt.data()[0] ^= 1;
  EXPECT_TRUE(refused(changed));
  changed = good;
  changed.state_root = Numbered<BlobRoot>(3);
  EXPECT_TRUE(refused(changed));
  changed = good;
  changed.proof.pop_back();
  EXPECT_TRUE(refused(changed));
  EXPECT_FALSE(VerifyOpening(chain.root(), UINT32_MAX, good));
  EXPECT_FALSE(VerifyOpening(chain.root(), 0, good));
}

TEST(StateSalt, DiffersBySecretJobRoundAndIndex) {
  const auto salt = [](uint64_t secret, uint64_t job, RoundId round, uint32_t index) {
    return StateSalt(Numbered<Ed25519Seed>(secret), Numbered<JobId>(job), round, index);
  };
  const Salt base = salt(1, 1, 1, 1);
  for (const Salt& other :
       {salt(2, 1, 1, 1), salt(1, 2, 1, 1), salt(1, 1, 2, 1), salt(1, 1, 1, 2)}) {
    EXPECT_NE(other, base);
  }
}

TEST(AuditCommitment, IsTheGoldenDigest) {
  const Json golden_case = golden::LoadSection("protocol.json", "audit");
  EXPECT_EQ(
      AuditCommitment(golden::Hex<JobId>(golden_case["job"]), golden::Decimal(golden_case["round"]),
                      golden::Hex<WorkerId>(golden_case["worker"]), golden_case["segment"],
                      golden::Hex<WorkerId>(golden_case["auditor"]),
                      golden::Hex<Salt>(golden_case["salt"]),
                      golden::Hex<BlobRoot>(golden_case["resultRoot"])),
      golden::Hex<Digest>(golden_case["commitment"]));
}

}  // namespace
}  // namespace tessera
