// Runs one test of this program in a new process, to see what a fresh process does.
//
// A child test reads where to write its answer from kAnswerVariable and skips itself where that is
// not set.
#pragma once

#include <span>
#include <string>

#include "absl/status/statusor.h"

namespace tessera::worker {

inline constexpr const char* kAnswerVariable = "TESSERA_TEST_ANSWER";

// Starts this program with only the test `filter`, `variables` ("NAME=value") added to the
// environment, and returns what it answered. Internal if it fails or does not answer.
absl::StatusOr<std::string> AskChild(const std::string& filter,
                                     std::span<const std::string> variables);

// Called by the child test: true, and the answer is handed over, if a parent waits for it.
bool IsChild();
void Answer(const std::string& text);

}  // namespace tessera::worker
