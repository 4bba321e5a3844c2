// A private Ethereum node for tests: Foundry's anvil on a free port, gone when the object is gone.
//
//   absl::StatusOr<std::unique_ptr<Anvil>> anvil = Anvil::Start();
//   ASSERT_TRUE(anvil.ok()) << anvil.status();
//   const Secp256k1Key key = (*anvil)->FundedKey(1);
//   auto account = chain::Account::Open((*anvil)->rpc(), key, clock, {});
//
// Needs `npm ci` in contracts/. Depends on chain/ and the standard library only, so any test
// program that links tessera::chain may include it.
#pragma once

#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "absl/status/statusor.h"
#include "base/hash.h"
#include "base/secp256k1.h"
#include "base/status_macros.h"
#include "chain/json_rpc.h"
#include "chain/reader.h"

namespace tessera::testing {

inline constexpr uint64_t kAnvilChainId = 31337;

// Thread-safe after Start. The node also dies with the thread that called Start, so call it from
// one that lives as long as the test.
class Anvil {
 public:
  // Starts a node of the Osaka fork that mines each transaction at once. More of anvil's options go
  // into `extra_args`: {"--no-mining"}, {"--block-time", "1"}. Unavailable if it does not answer in
  // time.
  static absl::StatusOr<std::unique_ptr<Anvil>> Start(
      std::vector<std::string> extra_args = {}, std::vector<std::string> error_signatures = {}) {
    constexpr int kAttempts = 5;  // Another program may take the free port first.
    absl::Status failure;
    for (int i = 0; i < kAttempts; ++i) {
      std::unique_ptr<Anvil> anvil(new Anvil(FreePort(), extra_args, error_signatures));
      failure = anvil->WaitUntilReady();
      if (failure.ok()) return anvil;
    }
    return failure;
  }

  ~Anvil() {
    if (pid_ <= 0) return;
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, nullptr, 0);
  }
  Anvil(const Anvil&) = delete;
  Anvil& operator=(const Anvil&) = delete;

  const std::string& url() const { return url_; }
  chain::JsonRpc& rpc() { return rpc_; }
  chain::Reader reader() { return chain::Reader(rpc_); }

  // Key number `number`, the same in every run, with 1,000 units of the native coin. Different
  // numbers keep tests that share a node apart.
  Secp256k1Key FundedKey(uint64_t number) {
    const Secp256k1Key key = TestKey(number);
    constexpr char kBalance[] = "0x3635c9adc5dea00000";  // 10^21
    MustCall("anvil_setBalance", {key.address().hex(), kBalance});
    return key;
  }
  static Secp256k1Key TestKey(uint64_t number) {
    return *Secp256k1Key::FromSecret(
        Keccak256(ByteWriter().Tag("tessera test key").Be(number).bytes()).view());
  }

  // Mines `blocks` empty or pending-filled blocks now.
  void Mine(uint64_t blocks = 1) {
    for (uint64_t i = 0; i < blocks; ++i) MustCall("evm_mine", nlohmann::json::array());
  }

  // A call that a test cannot do without; ends the test program if it fails.
  nlohmann::json MustCall(std::string_view method, const nlohmann::json& params) {
    absl::StatusOr<nlohmann::json> result = rpc_.Call(method, params);
    if (!result.ok()) {
      std::fprintf(stderr, "anvil: %s\n", result.status().ToString().c_str());
      std::abort();
    }
    return *std::move(result);
  }

 private:
  Anvil(int port, const std::vector<std::string>& extra_args,
        std::vector<std::string> error_signatures)
      : url_("http://127.0.0.1:" + std::to_string(port)),
        rpc_({.urls = {url_}, .error_signatures = std::move(error_signatures)}) {
    std::vector<std::string> args = {
        TESSERA_SOURCE_DIR "/contracts/node_modules/@foundry-rs/anvil-linux-amd64/bin/anvil",
        "--silent",
        "--hardfork",
        "osaka",
        "--port",
        std::to_string(port)};
    args.insert(args.end(), extra_args.begin(), extra_args.end());
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const pid_t parent = ::getpid();
    pid_ = ::fork();
    if (pid_ != 0) return;
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent) ::_exit(1);
    if (const int null = ::open("/dev/null", O_RDWR); null >= 0) {
      ::dup2(null, STDIN_FILENO);
      ::dup2(null, STDOUT_FILENO);
    }
    ::execv(argv[0], argv.data());
    ::_exit(127);
  }

  static int FreePort() {
    const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(fd, reinterpret_cast<sockaddr*>(&address), size);
    ::getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
    ::close(fd);
    return ntohs(address.sin_port);
  }

  absl::Status WaitUntilReady() {
    constexpr auto kStartMax = std::chrono::seconds(20);
    const auto deadline = std::chrono::steady_clock::now() + kStartMax;
    if (pid_ < 0) return absl::UnavailableError("cannot fork");
    while (std::chrono::steady_clock::now() < deadline) {
      const bool answers = reader().ChainId().ok();
      if (::waitpid(pid_, nullptr, WNOHANG) == pid_) {
        pid_ = -1;
        return absl::UnavailableError("anvil ended at once: is `npm ci` in contracts/ done?");
      }
      if (answers) return absl::OkStatus();
      std::this_thread::yield();
    }
    return absl::UnavailableError("anvil did not answer in 20 s");
  }

  const std::string url_;
  chain::JsonRpc rpc_;
  pid_t pid_ = -1;
};

}  // namespace tessera::testing
