#include "server/http/connection.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <boost/asio/write.hpp>
#include <boost/beast/http/read.hpp>
#include <charconv>

#include "base/random.h"
#include "server/http/channel.h"

namespace quipu::server {
namespace {

namespace asio = boost::asio;
namespace http = boost::beast::http;
using ErrorCode = boost::system::error_code;
using Clock = std::chrono::steady_clock;
constexpr auto kResume = asio::as_tuple(asio::use_awaitable);

// Bytes of a body that are read at once.
constexpr size_t kBodyPiece = 64U << 10;

}  // namespace

Connection::Connection(std::shared_ptr<Loop> loop, Socket socket, std::string peer, bool on_loopback)
    : loop_(std::move(loop)),
      socket_(std::move(socket)),
      peer_(std::move(peer)),
      on_loopback_(on_loopback),
      deadline_timer_(loop_->io),
      wake_timer_(loop_->io) {
  ErrorCode ignored;
  socket_.non_blocking(true, ignored);
  loop_->connections.insert(this);
  loop_->n_connections++;
}

Connection::~Connection() {
  loop_->connections.erase(this);
  loop_->n_connections--;
}

void Connection::start() {
  asio::co_spawn(
      loop_->io, [self = shared_from_this()] { return self->run(); }, asio::detached);
}

void Connection::close() {
  ErrorCode ignored;
  socket_.close(ignored);
  wake_timer_.cancel();
  deadline_timer_.cancel();
}

void Connection::drain() {
  if (phase_ == Phase::idle) close();
  if (phase_ == Phase::reading) deadline(loop_->options.limits.drain_reading_time);
}

void Connection::deadline(std::chrono::milliseconds time) {
  deadline_timer_.expires_after(time);
  deadline_timer_.async_wait([weak = weak_from_this()](ErrorCode error) {
    if (error) return;
    if (const auto self = weak.lock()) self->close();
  });
}

void Connection::reading_deadline(std::chrono::milliseconds time) {
  deadline(loop_->draining ? std::min(time, loop_->options.limits.drain_reading_time) : time);
}

asio::awaitable<bool> Connection::wait_for_request() {
  buffer_.shrink_to_fit();
  deadline(loop_->options.limits.idle_time);
  const uint64_t wait = loop_->n_waits++;
  loop_->idle.emplace(wait, this);
  const auto [error] = co_await socket_.async_wait(asio::socket_base::wait_read, kResume);
  loop_->idle.erase(wait);
  co_return !error;
}

asio::awaitable<void> Connection::run() {
  for (;;) {
    phase_ = Phase::idle;
    if (loop_->draining) break;
    if (buffer_.size() == 0 && !co_await wait_for_request()) break;
    phase_ = Phase::reading;
    const Next next = co_await serve_one();
    release_body(std::exchange(body_bytes_, 0));
    if (next == Next::close) break;
  }
  // Lets a client that is still sending read the answer before the connection is reset.
  ErrorCode ignored;
  socket_.shutdown(asio::socket_base::shutdown_send, ignored);
  if (!ignored && phase_ != Phase::idle) {
    deadline(std::chrono::seconds(2));
    char rest[4096];
    for (size_t n_read = 0; n_read < (1U << 20);) {
      const auto [error, n] = co_await socket_.async_read_some(asio::buffer(rest), kResume);
      if (error) break;
      n_read += n;
    }
  }
  close();
}

Result<Request> Connection::request_of(const Parser& parser) {
  const auto& message = parser.get();
  Request request;
  request.peer = peer_;
  request.on_loopback = on_loopback_;
  request.method = std::string(message.method_string());
  for (const auto& field : message) request.headers.push_back({std::string(field.name_string()), field.value()});
  const auto id = request.header("X-Request-Id");
  request.id = id && is_plain_name(*id) ? std::string(*id) : fmt::format("req_{:016x}", random_seed());
  QUIPU_TRY(Target target, parse_target(message.target()));
  const auto path =
      target.path == "*" ? std::string_view("*") : below_prefix(target.path, loop_->options.prefix).value_or("");
  request.path = std::string(path);
  request.query = std::move(target.query);
  return request;
}

std::shared_ptr<Channel> Connection::channel_of(const Parser& parser, Request request) {
  HeadStyle style;
  style.chunked = parser.get().version() >= 11;
  style.keep_alive = parser.keep_alive() && !loop_->draining;
  style.no_body = request.method == "HEAD";
  if (loop_->options.extra_headers) style.extra = loop_->options.extra_headers(request);
  return std::make_shared<Channel>(loop_, weak_from_this(), std::move(request), std::move(style));
}

asio::awaitable<bool> Connection::send(std::string bytes) {
  // What fits into the socket's buffer, as tokens of a stream mostly do, costs neither a timer nor a turn of the loop.
  ErrorCode full;
  size_t sent = socket_.write_some(asio::buffer(bytes), full);
  if (full && full != asio::error::would_block && full != asio::error::try_again) co_return false;
  while (sent < bytes.size()) {
    deadline(loop_->options.limits.write_time);
    const auto [error, n] =
        co_await socket_.async_write_some(asio::buffer(bytes.data() + sent, bytes.size() - sent), kResume);
    if (error) co_return false;
    sent += n;
  }
  no_deadline();
  co_return true;
}

// Answers without reading the body, and so without serving further requests.
asio::awaitable<bool> Connection::refuse(const Request& request, Response response) {
  HeadStyle style;
  style.keep_alive = false;
  if (loop_->options.extra_headers) style.extra = loop_->options.extra_headers(request);
  std::string bytes = head_of(response, request.id, style, response.body.size());
  if (request.method != "HEAD") bytes += response.body;
  if (loop_->options.on_access) {
    loop_->options.on_access(
        {request.id, request.peer, request.method, request.path, response.status, 0, response.body.size(), 0, true});
  }
  co_return co_await send(std::move(bytes));
}

asio::awaitable<bool> Connection::read_body(Parser& parser, Request& request) {
  const HttpLimits& limits = loop_->options.limits;
  std::vector<char> piece;
  size_t next_deadline = 0;
  while (!parser.is_done()) {
    if (request.body.size() >= next_deadline) {
      reading_deadline(limits.body_time);
      next_deadline += 1U << 20;
    }
    piece.resize(kBodyPiece);
    parser.get().body().data = piece.data();
    parser.get().body().size = piece.size();
    parser.get().body().more = true;
    auto [error, n] = co_await http::async_read_some(socket_, buffer_, parser, kResume);
    const size_t got = piece.size() - parser.get().body().size;
    request.body.append(piece.data(), got);
    body_bytes_ += got;
    const size_t total = loop_->bodies_bytes.fetch_add(got, std::memory_order_relaxed) + got;
    if (error == http::error::need_buffer) error = {};
    if (error == http::error::body_limit || request.body.size() > limits.max_body_bytes) {
      co_await refuse(request, loop_->options.error_response(
                                   413, fmt::format("the body is longer than {} bytes", limits.max_body_bytes)));
      co_return false;
    }
    if (total > limits.max_bodies_bytes) {
      co_await refuse(request, loop_->options.error_response(503, "the bodies of all requests together are too large"));
      co_return false;
    }
    if (error) {
      if (error.category() == http::make_error_code(http::error::bad_chunk).category())
        co_await refuse(request, loop_->options.error_response(400, "the body's encoding is broken"));
      co_return false;
    }
  }
  no_deadline();
  co_return true;
}

asio::awaitable<Connection::Next> Connection::serve_one() {
  const HttpLimits& limits = loop_->options.limits;
  Parser parser;
  parser.header_limit(static_cast<uint32_t>(limits.max_header_bytes));
  parser.body_limit(limits.max_body_bytes);
  reading_deadline(limits.header_time);
  const auto [error, n_read] = co_await http::async_read_header(socket_, buffer_, parser, kResume);
  Request broken;
  broken.id = fmt::format("req_{:016x}", random_seed());
  broken.peer = peer_;
  if (error == http::error::header_limit || error == http::error::buffer_overflow) {
    co_await refuse(broken, loop_->options.error_response(
                                431, fmt::format("the header is longer than {} bytes", limits.max_header_bytes)));
    co_return Next::close;
  }
  if (error == http::error::body_limit) {
    co_await refuse(broken, loop_->options.error_response(
                                413, fmt::format("the body is longer than {} bytes", limits.max_body_bytes)));
    co_return Next::close;
  }
  if (error) {
    const bool ours = error.category() == http::make_error_code(http::error::bad_method).category();
    if (ours && error != http::error::end_of_stream && error != http::error::partial_message)
      co_await refuse(broken, loop_->options.error_response(400, "this is no HTTP/1.1 request: " + error.message()));
    co_return Next::close;
  }
  auto request = request_of(parser);
  if (!request.ok()) {
    co_await refuse(broken, loop_->options.error_response(400, request.error().message));
    co_return Next::close;
  }
  if (auto refusal = loop_->options.admit(*request)) {
    // What has no body leaves the connection usable; a body that is refused is not read.
    if (!parser.is_done()) {
      co_await refuse(*request, std::move(*refusal));
      co_return Next::close;
    }
    auto channel = channel_of(parser, std::move(*request));
    channel->respond(*refusal);
    co_return co_await answer(std::move(channel));
  }
  if (const auto expect = request->header("Expect"); expect && !parser.is_done()) {
    if (!equal_ignoring_case(*expect, "100-continue")) {
      co_await refuse(*request, loop_->options.error_response(400, "the header Expect asks for something unknown"));
      co_return Next::close;
    }
    if (!co_await send("HTTP/1.1 100 Continue\r\n\r\n")) co_return Next::close;
  }
  if (!co_await read_body(parser, *request)) co_return Next::close;

  auto channel = channel_of(parser, std::move(*request));
  loop_->options.handle(Channel::handle(channel));
  co_return co_await answer(std::move(channel));
}

// Notices that the client leaves while its answer is made.
asio::awaitable<void> Connection::watch(std::shared_ptr<Channel> channel) {
  const auto self = shared_from_this();
  const auto [error] = co_await socket_.async_wait(asio::socket_base::wait_read, kResume);
  if (watched_ != channel || error == asio::error::operation_aborted) co_return;
  ErrorCode failed;
  const size_t n_waiting = error ? 0 : socket_.available(failed);
  // With the next request already there, the client's leaving shows when writing to it.
  if (!error && !failed && n_waiting > 0) co_return;
  channel->leave();
  wake();
}

asio::awaitable<Connection::Next> Connection::answer(std::shared_ptr<Channel> channel) {
  const auto begin = Clock::now();
  phase_ = Phase::answering;
  watched_ = channel;
  if (buffer_.size() == 0) {
    asio::co_spawn(
        loop_->io, [self = shared_from_this(), channel] { return self->watch(channel); }, asio::detached);
  }
  bool complete = false;
  for (;;) {
    Channel::Piece piece = channel->take();
    if (channel->gone()) break;
    if (piece.bytes.empty()) {
      if (piece.last) {
        complete = true;
        break;
      }
      wake_timer_.expires_at(asio::steady_timer::time_point::max());
      co_await wake_timer_.async_wait(kResume);
      if (!socket_.is_open()) {
        channel->leave();
        break;
      }
      continue;
    }
    if (!co_await send(std::move(piece.bytes))) {
      channel->leave();
      break;
    }
  }
  watched_ = nullptr;
  ErrorCode ignored;
  socket_.cancel(ignored);  // the watch
  if (loop_->options.on_access) {
    const Request& request = channel->request();
    const double ms = std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
    loop_->options.on_access({request.id, request.peer, request.method, request.path, channel->status(),
                              request.body.size(), channel->n_sent(), ms, complete});
  }
  if (!complete) close();
  co_return complete && channel->keep_alive() && !loop_->draining ? Next::request : Next::close;
}

}  // namespace quipu::server
