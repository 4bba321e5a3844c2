// The program that a volunteer runs, from its command line to its exit code.
#pragma once

#include <memory>

#include "worker/core/update_strategy.h"

namespace CLI {
class App;
}

namespace tessera::worker {

// Adds the options of `join` to a command, and runs it. The honest worker and the drill's adversaries share it, so that
// an adversary differs in its strategy alone.
class JoinCommand {
 public:
  explicit JoinCommand(CLI::App& command);
  ~JoinCommand();

  // Blocks until the job is over or the process is told to stop. The exit code: 0 done or stopped, 1 failed, 2 usage,
  // 4 refused by the job, 5 unreachable, 6 banned or a wrong passphrase.
  int Run(UpdateStrategy& strategy);

 private:
  struct Options;
  const std::unique_ptr<Options> options_;
};

}  // namespace tessera::worker
