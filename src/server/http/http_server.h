// The HTTP side of the server: sockets, connections, limits. One thread, a coroutine for each connection.
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "server/http/exchange.h"

namespace quipu::server {

struct HttpLimits {
  size_t max_header_bytes = 32U << 10;                 // longer than any client's, cookies included
  size_t max_body_bytes = 32U << 20;                   // of one request: a prompt of millions of tokens
  size_t max_bodies_bytes = 256U << 20;                // of all requests that are being received or answered
  size_t max_unread_bytes = 1U << 20;                  // of a stream that its reader leaves behind: then it is dropped
  size_t max_connections = 16384;                      // fewer if the system allows fewer files; then
                                                       // the one that is idle longest makes way, or 503 is answered
  std::chrono::milliseconds header_time{15000};        // from the first byte to the end of the header
  std::chrono::milliseconds body_time{60000};          // for a body; and again for each MiB of it
  std::chrono::milliseconds idle_time{600000};         // between requests, and before the first
  std::chrono::milliseconds write_time{60000};         // without a byte taken by the reader
  std::chrono::milliseconds drain_time{600000};        // for running requests when the server is asked to stop
  std::chrono::milliseconds drain_reading_time{5000};  // for the rest of a request that has come in part by then
};

struct AccessRecord {
  std::string request_id, peer, method, path;
  int status = 0;
  uint64_t n_received = 0, n_sent = 0;  // bytes of the bodies
  double duration_ms = 0;
  bool complete = true;  // the client took all of the answer
};

struct HttpOptions {
  std::string host = "127.0.0.1";  // an address, a name, or the path of a Unix socket ("unix:PATH", or "....sock")
  uint16_t port = 8080;            // 0: any
  int n_ports = 11;                // so many are tried, one after the other
  std::string prefix;              // before every path: "" or "/a/b"
  HttpLimits limits;
  // Asked when a header has come, before its body: an answer refuses the request.
  std::function<std::optional<Response>(const Request&)> admit;
  // Called for each request on the HTTP thread: must not block.
  std::function<void(std::shared_ptr<Exchange>)> handle;
  // Headers that go with every answer to a request (CORS).
  std::function<std::vector<Header>(const Request&)> extra_headers;
  // A JSON body for an error that HTTP itself has.
  std::function<Response(int status, const std::string& message)> error_response;
  std::function<void(const AccessRecord&)> on_access;
  // SIGINT and SIGTERM stop the server, SIGHUP calls on_reload. For a process that is nothing but a server.
  bool handle_signals = false;
  std::function<void()> on_reload;
};

class HttpServer {
 public:
  // Binds and listens. Errors: io, with the address: taken, not ours, no such host.
  static Result<std::unique_ptr<HttpServer>> create(HttpOptions options);
  // Stops at once what still runs.
  ~HttpServer();  // NOLINT(bugprone-exception-escape): as in its definition
  HttpServer(const HttpServer&) = delete;
  HttpServer& operator=(const HttpServer&) = delete;

  // Begins to serve, in a thread of its own.
  void start();
  // No more connections; running requests get limits.drain_time. From any thread.
  void stop();
  // Until all is served after stop() or a signal.
  void wait();

  [[nodiscard]] uint16_t port() const;    // 0 for a Unix socket
  [[nodiscard]] std::string url() const;  // "http://127.0.0.1:8080/prefix", "unix:/path"
  [[nodiscard]] size_t n_connections() const;

 private:
  struct State;
  explicit HttpServer(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace quipu::server
