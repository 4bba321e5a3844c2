#include "chain/json_rpc.h"

#include <atomic>
#include <nlohmann/json.hpp>
#include <random>
#include <thread>

#include "gmock/gmock.h"
#include "gtest/gtest.h"
#include "tests/chain/hostile_node.h"

namespace tessera::chain {
namespace {

using nlohmann::json;
using ::testing::AllOf;
using ::testing::HasSubstr;
using testing::HostileNode;
using ::testing::Not;

constexpr size_t kResponseMax = 1 << 16;

JsonRpcOptions Options(std::vector<std::string> urls) {
  JsonRpcOptions options;
  options.urls = std::move(urls);
  options.timeout_ms = 5'000;
  options.response_bytes_max = kResponseMax;
  return options;
}

// Calls a node that sends `response`, whatever is asked.
absl::Status CallNodeThatSends(const std::string& response) {
  HostileNode node([&](const json&) { return response; });
  JsonRpc rpc(Options({node.url()}));
  return rpc.Call("eth_chainId", json::array()).status();
}

TEST(JsonRpcTest, SendsAWellFormedCallAndReturnsTheResult) {
  json seen;
  HostileNode node([&](const json& request) {
    seen = request;
    return HostileNode::Result(request, "0x7a69");
  });
  JsonRpc rpc(Options({node.url()}));
  EXPECT_EQ(*rpc.Call("eth_getBalance", {"0xab", "latest"}), "0x7a69");
  EXPECT_EQ(seen["jsonrpc"], "2.0");
  EXPECT_EQ(seen["method"], "eth_getBalance");
  EXPECT_EQ(seen["params"], json::array({"0xab", "latest"}));
}

TEST(JsonRpcTest, NullIsAResult) {
  HostileNode node([](const json& request) { return HostileNode::Result(request, nullptr); });
  JsonRpc rpc(Options({node.url()}));
  EXPECT_TRUE(rpc.Call("eth_getTransactionReceipt", json::array())->is_null());
}

TEST(JsonRpcTest, MalformedAnswersAreUnavailable) {
  const std::string cases[] = {
      "",
      "garbage without any HTTP",
      "HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{\"jsonrpc\"",
      "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 429 Too Many Requests\r\nContent-Length: 0\r\n\r\n",
      "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n",
      HostileNode::Http(""),
      HostileNode::Http("not json"),
      HostileNode::Http("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"0x1\""),
      HostileNode::Http("[]"),
      HostileNode::Http("7"),
      HostileNode::Http(R"({"jsonrpc":"2.0","result":"0x1"})"),
      HostileNode::Http(R"({"jsonrpc":"2.0","id":999,"result":"0x1"})"),
      HostileNode::Http(R"({"jsonrpc":"2.0","id":"1","result":"0x1"})"),
      HostileNode::Http(R"({"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"x"}})"),
      HostileNode::Http(R"({"jsonrpc":"2.0","id":1})"),
      HostileNode::Http(R"({"jsonrpc":"2.0","id":1,"error":"text"})"),
      HostileNode::Http("{\"jsonrpc\":\"2.0\",\"id\":1,\"result\":\"\xff\xfe\"}"),
      HostileNode::Http(std::string(kResponseMax / 2, '[')),
      HostileNode::Http("{\"id\":1,\"result\":" + std::string(100, '[') + std::string(100, ']') +
                        "}"),
  };
  for (const std::string& response : cases) {
    EXPECT_EQ(CallNodeThatSends(response).code(), absl::StatusCode::kUnavailable)
        << response.substr(0, 200);
  }
}

TEST(JsonRpcTest, BoundsTheLengthOfAnAnswer) {
  const std::string envelope = R"({"jsonrpc":"2.0","id":1,"result":""})";
  const auto body_of = [&](size_t size) {
    std::string body = envelope;
    body.insert(envelope.size() - 2, size - envelope.size(), 'x');
    return HostileNode::Http(body);
  };
  EXPECT_TRUE(CallNodeThatSends(body_of(kResponseMax)).ok());
  EXPECT_EQ(CallNodeThatSends(body_of(kResponseMax + 1)).code(),
            absl::StatusCode::kResourceExhausted);
  EXPECT_EQ(
      CallNodeThatSends("HTTP/1.1 200 OK\r\n\r\n" + std::string(20 * kResponseMax, ' ')).code(),
      absl::StatusCode::kResourceExhausted);
}

TEST(JsonRpcTest, ASilentNodeTimesOut) {
  std::atomic<bool> done = false;
  HostileNode node([&](const json&) {
    done.wait(false);
    return std::string();
  });
  JsonRpcOptions options = Options({node.url()});
  options.timeout_ms = 100;
  JsonRpc rpc(options);
  EXPECT_EQ(rpc.Call("eth_chainId", json::array()).status().code(), absl::StatusCode::kUnavailable);
  done = true;
  done.notify_all();
}

TEST(JsonRpcTest, RevertsKeepTheirDataAndNameTheMethod) {
  const std::string data = SelectorOf("NotOpen()").hex();
  HostileNode node([&](const json& request) {
    return HostileNode::Error(request, {{"code", 3}, {"message", "reverted"}, {"data", data}});
  });
  JsonRpcOptions options = Options({node.url()});
  options.error_signatures = {"NotOpen()"};
  JsonRpc rpc(options);
  const absl::Status status = rpc.Call("eth_call", json::array()).status();
  EXPECT_TRUE(IsRevert(status, "NotOpen()"));
  EXPECT_EQ(status.message(), "eth_call: reverted: NotOpen()");
}

TEST(JsonRpcTest, FailsOverAndStaysWithTheNodeThatAnswers) {
  std::atomic<int> bad_calls = 0;
  HostileNode bad([&](const json&) {
    ++bad_calls;
    return HostileNode::Http("garbage");
  });
  HostileNode good([](const json& request) { return HostileNode::Result(request, "0x1"); });
  JsonRpc rpc(Options({bad.url(), good.url()}));
  for (int i = 0; i < 3; ++i) EXPECT_TRUE(rpc.Call("eth_chainId", json::array()).ok());
  EXPECT_EQ(bad_calls, 1);
  rpc.PreferNextUrl();
  EXPECT_TRUE(rpc.Call("eth_chainId", json::array()).ok());
  EXPECT_EQ(bad_calls, 2);
}

TEST(JsonRpcTest, ARefusalIsFinalAndNotAskedElsewhere) {
  HostileNode first([](const json& request) {
    return HostileNode::Error(request, {{"code", -32000}, {"message", "insufficient funds"}});
  });
  std::atomic<int> second_calls = 0;
  HostileNode second([&](const json& request) {
    ++second_calls;
    return HostileNode::Result(request, "0x1");
  });
  JsonRpc rpc(Options({first.url(), second.url()}));
  EXPECT_EQ(rpc.Call("eth_sendRawTransaction", json::array()).status().code(),
            absl::StatusCode::kFailedPrecondition);
  EXPECT_EQ(second_calls, 0);
}

TEST(JsonRpcTest, MessagesNameEveryHostButNoKey) {
  HostileNode bad([](const json&) { return HostileNode::Http("garbage"); });
  JsonRpc rpc(
      Options({"http://user:hunter2@127.0.0.1:1/v3/secret-key", bad.url() + "/?key=secret"}));
  const absl::Status status = rpc.Call("eth_chainId", json::array()).status();
  EXPECT_EQ(status.code(), absl::StatusCode::kUnavailable);
  EXPECT_THAT(std::string(status.message()),
              AllOf(HasSubstr("eth_chainId"), HasSubstr("http://127.0.0.1:1:"),
                    HasSubstr(bad.url()), Not(HasSubstr("secret")), Not(HasSubstr("hunter2"))));
}

TEST(JsonRpcTest, RefusesOtherSchemesAndAnEmptyList) {
  for (const std::vector<std::string>& urls :
       {std::vector<std::string>{}, {"file:///etc/passwd"}, {"not a url"}, {""}}) {
    JsonRpc rpc(Options(urls));
    EXPECT_EQ(rpc.Call("eth_chainId", json::array()).status().code(),
              absl::StatusCode::kUnavailable);
  }
}

TEST(JsonRpcTest, ServesManyThreads) {
  HostileNode node(
      [](const json& request) { return HostileNode::Result(request, request["params"][0]); });
  JsonRpc rpc(Options({node.url()}));
  std::atomic<int> correct = 0;
  std::vector<std::thread> threads;
  for (int t = 0; t < 8; ++t) {
    threads.emplace_back([&, t] {
      for (int i = 0; i < 25; ++i) {
        const absl::StatusOr<json> result = rpc.Call("echo", json::array({100 * t + i}));
        correct += result.ok() && *result == 100 * t + i;
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(correct, 200);
}

TEST(JsonRpcTest, HostileBodiesNeverCrash) {
  const uint32_t seed = 20260104;
  SCOPED_TRACE("seed " + std::to_string(seed));
  std::mt19937 random(seed);
  HostileNode node([&](const json& request) {
    std::string body =
        json{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", {{"a", {1, "0x2", nullptr}}}}}
            .dump();
    for (int flips = static_cast<int>(random() % 3); flips > 0; --flips) {
      body[random() % body.size()] = static_cast<char>(random());
    }
    body.resize(random() % 4 == 0 ? random() % body.size() : body.size());
    return HostileNode::Http(body);
  });
  JsonRpc rpc(Options({node.url()}));
  int good = 0;
  int bad = 0;
  for (int i = 0; i < 500; ++i) {
    const absl::Status status = rpc.Call("eth_call", json::array()).status();
    (status.ok() ? good : bad) += 1;
    EXPECT_TRUE(status.ok() || absl::IsUnavailable(status)) << status;
  }
  EXPECT_GT(good, 0);
  EXPECT_GT(bad, 0);
}

}  // namespace
}  // namespace tessera::chain
