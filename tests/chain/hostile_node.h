// A JSON-RPC node of a few lines that answers whatever a test tells it to.
#pragma once

#include <arpa/inet.h>
#include <sys/socket.h>
#include <unistd.h>

#include <functional>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

#include "absl/strings/ascii.h"

namespace tessera::testing {

// Serves one request per connection on its own thread until destroyed.
class HostileNode {
 public:
  // The raw HTTP response to one request; `request` is the JSON-RPC call. An empty response closes
  // the connection without a word. Runs on the node's thread.
  using Respond = std::function<std::string(const nlohmann::json& request)>;

  explicit HostileNode(Respond respond) : respond_(std::move(respond)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof(address);
    ::bind(listener_, reinterpret_cast<sockaddr*>(&address), size);
    ::listen(listener_, 16);
    ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
    port_ = ntohs(address.sin_port);
    thread_ = std::thread([this] { Serve(); });
  }
  ~HostileNode() {
    ::shutdown(listener_, SHUT_RDWR);  // Wakes accept.
    thread_.join();
    ::close(listener_);
  }
  HostileNode(const HostileNode&) = delete;
  HostileNode& operator=(const HostileNode&) = delete;

  std::string url() const { return "http://127.0.0.1:" + std::to_string(port_); }

  // A 200 response that carries `body`.
  static std::string Http(const std::string& body) {
    return "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: " +
           std::to_string(body.size()) + "\r\n\r\n" + body;
  }
  // A well-formed answer to `request`.
  static std::string Result(const nlohmann::json& request, const nlohmann::json& result) {
    return Http(
        nlohmann::json{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"result", result}}.dump());
  }
  static std::string Error(const nlohmann::json& request, const nlohmann::json& error) {
    return Http(nlohmann::json{{"jsonrpc", "2.0"}, {"id", request["id"]}, {"error", error}}.dump());
  }

 private:
  void Serve() {
    while (true) {
      const int fd = ::accept(listener_, nullptr, nullptr);
      if (fd < 0) return;
      const std::string response = respond_(ReadCall(fd));
      size_t sent = 0;
      while (sent < response.size()) {
        const ssize_t count =
            ::send(fd, response.data() + sent, response.size() - sent, MSG_NOSIGNAL);
        if (count <= 0) break;
        sent += static_cast<size_t>(count);
      }
      ::shutdown(fd, SHUT_WR);
      ::close(fd);
    }
  }

  static nlohmann::json ReadCall(int fd) {
    std::string text;
    char buffer[4096];
    while (true) {
      const ssize_t count = ::recv(fd, buffer, sizeof(buffer), 0);
      if (count <= 0) return nullptr;
      text.append(buffer, static_cast<size_t>(count));
      const size_t head = text.find("\r\n\r\n");
      if (head == std::string::npos) continue;
      const std::string headers = absl::AsciiStrToLower(text.substr(0, head));
      const size_t length_at = headers.find("content-length:");
      if (length_at == std::string::npos) return nullptr;
      const size_t length = std::stoul(headers.substr(length_at + 15));
      if (text.size() < head + 4 + length) continue;
      return nlohmann::json::parse(text.substr(head + 4), nullptr, /*allow_exceptions=*/false);
    }
  }

  const Respond respond_;
  int listener_ = -1;
  int port_ = 0;
  std::thread thread_;
};

}  // namespace tessera::testing
