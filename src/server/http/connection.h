// A connection and its coroutine: seen by http_server.cpp and connection.cpp alone, which include Boost.
#pragma once

#include <atomic>
#include <boost/asio/awaitable.hpp>
#include <boost/asio/generic/stream_protocol.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/ip/tcp.hpp>
#include <boost/asio/local/stream_protocol.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/beast/core/flat_buffer.hpp>
#include <boost/beast/http/buffer_body.hpp>
#include <boost/beast/http/parser.hpp>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <unordered_set>

#include "server/http/http_server.h"

namespace quipu::server {

class Connection;
using Socket = boost::asio::generic::stream_protocol::socket;

// What the connections of a server share. All but `n_bodies_bytes` belongs to the HTTP thread.
struct Loop {
  explicit Loop(HttpOptions o) : options(std::move(o)) {}
  HttpOptions options;
  boost::asio::io_context io{1};
  std::unordered_set<Connection*> connections;
  std::map<uint64_t, Connection*> idle;  // those of them that wait for a request, by when they began to
  uint64_t n_waits = 0;
  std::atomic<size_t> n_connections{0};
  std::atomic<size_t> bodies_bytes{0};
  bool draining = false;
};

class Channel;

class Connection : public std::enable_shared_from_this<Connection> {
 public:
  Connection(std::shared_ptr<Loop> loop, Socket socket, std::string peer, bool on_loopback);
  ~Connection();

  void start();
  // Closes the socket: every operation in flight ends.
  void close();
  // The server stops: a request that is being answered may end, one that is being read gets drain_reading_time.
  void drain();
  // There is more to write.
  void wake() { wake_timer_.cancel(); }

 private:
  using Parser = boost::beast::http::request_parser<boost::beast::http::buffer_body>;
  enum class Phase : uint8_t { idle, reading, answering };
  // What is to be done after a request.
  enum class Next : uint8_t { request, close };

  boost::asio::awaitable<void> run();
  boost::asio::awaitable<bool> wait_for_request();
  boost::asio::awaitable<Next> serve_one();
  boost::asio::awaitable<bool> read_body(Parser& parser, Request& request);
  boost::asio::awaitable<bool> refuse(const Request& request, Response response);
  boost::asio::awaitable<bool> send(std::string bytes);
  boost::asio::awaitable<Next> answer(std::shared_ptr<Channel> channel);
  boost::asio::awaitable<void> watch(std::shared_ptr<Channel> channel);
  Result<Request> request_of(const Parser& parser);
  [[nodiscard]] std::shared_ptr<Channel> channel_of(const Parser& parser, Request request);
  void deadline(std::chrono::milliseconds time);
  // For reading a part of a request.
  void reading_deadline(std::chrono::milliseconds time);
  void no_deadline() { deadline_timer_.cancel(); }
  void release_body(size_t bytes) { loop_->bodies_bytes.fetch_sub(bytes, std::memory_order_relaxed); }

  std::shared_ptr<Loop> loop_;
  Socket socket_;
  std::string peer_;
  bool on_loopback_;
  boost::beast::flat_buffer buffer_;
  boost::asio::steady_timer deadline_timer_, wake_timer_;
  Phase phase_ = Phase::idle;
  size_t body_bytes_ = 0;  // counted in loop_->bodies_bytes
  std::shared_ptr<Channel> watched_;
};

}  // namespace quipu::server
