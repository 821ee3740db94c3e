#include "server/http/http_server.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/detached.hpp>
#include <boost/asio/ip/v6_only.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <csignal>
#include <filesystem>
#include <thread>

#include "base/check.h"
#include "platform/system.h"
#include "server/http/connection.h"

namespace quipu::server {
namespace {

namespace asio = boost::asio;
using ErrorCode = boost::system::error_code;
using asio::ip::tcp;
using Acceptor = asio::basic_socket_acceptor<asio::generic::stream_protocol>;
constexpr auto kResume = asio::as_tuple(asio::use_awaitable);

// Connections that wait to be accepted; the system may allow fewer.
constexpr int kBacklog = 1024;

std::optional<std::string> unix_path(const std::string& host) {
  if (host.starts_with("unix:")) return host.substr(5);
  if (host.ends_with(".sock")) return host;
  return std::nullopt;
}

// The address in words that stand in a URL.
std::string url_host(const asio::ip::address& address) {
  return address.is_v6() ? "[" + address.to_string() + "]" : address.to_string();
}

}  // namespace

struct HttpServer::State : std::enable_shared_from_this<HttpServer::State> {
  explicit State(HttpOptions options)
      : loop(std::make_shared<Loop>(std::move(options))), signals(loop->io), drain_timer(loop->io) {}

  Status listen();
  Status listen_on_unix(const std::string& path);
  Status listen_on_tcp();
  Result<Acceptor> bind_tcp(const asio::ip::address& address, uint16_t at);
  asio::awaitable<void> accept(Acceptor& acceptor);
  void welcome(Socket socket);
  void wait_for_signals();
  void drain();

  std::shared_ptr<Loop> loop;
  std::vector<Acceptor> acceptors;
  asio::signal_set signals;
  asio::steady_timer drain_timer;
  std::thread thread;
  uint16_t port = 0;
  std::string url;
  std::optional<std::string> socket_path;
};

Status HttpServer::State::listen() {
  HttpOptions& options = loop->options;
  // Files that are not connections: the model, the terminal, the log.
  constexpr uint64_t kOtherFiles = 64;
  const uint64_t n_files = platform::raise_open_files_limit();
  options.limits.max_connections =
      std::min<uint64_t>(options.limits.max_connections, std::max<uint64_t>(n_files, kOtherFiles + 1) - kOtherFiles);
  if (const auto path = unix_path(options.host)) return listen_on_unix(*path);
  return listen_on_tcp();
}

Status HttpServer::State::listen_on_unix(const std::string& path) {
  ErrorCode error;
  std::error_code ignored;
  // A socket that is left from a process that is gone makes way; one that answers does not, nor does any other file.
  if (std::filesystem::is_socket(path, ignored)) {
    asio::local::stream_protocol::socket probe(loop->io);
    if (!probe.connect(asio::local::stream_protocol::endpoint(path), error))
      return error_of(ErrorKind::io, "--host {}: another server listens there", path);
    std::filesystem::remove(path, ignored);
  }
  if (path.size() >= 100) return invalid_input("--host {}: the path of a Unix socket has at most 99 bytes", path);
  const asio::generic::stream_protocol::endpoint endpoint(asio::local::stream_protocol::endpoint{path});
  Acceptor acceptor(loop->io);
  if (acceptor.open(endpoint.protocol(), error) || acceptor.bind(endpoint, error) || acceptor.listen(kBacklog, error))
    return error_of(ErrorKind::io, "--host {}: {}", path, error.message());
  // Who may enter its folder must not be anybody else: the socket is the owner's.
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, ignored);
  socket_path = path;
  acceptors.push_back(std::move(acceptor));
  url = "unix:" + path;
  return {};
}

Result<Acceptor> HttpServer::State::bind_tcp(const asio::ip::address& address, uint16_t at) {
  const tcp::endpoint endpoint(address, at);
  Acceptor acceptor(loop->io);
  ErrorCode error;
  acceptor.open(endpoint.protocol(), error);
  if (!error) acceptor.set_option(asio::socket_base::reuse_address(true), error);
  // "::" means IPv4 too where the system does not say otherwise.
  if (!error && address.is_v6()) acceptor.set_option(asio::ip::v6_only(!address.is_unspecified()), error);
  if (!error) acceptor.bind(endpoint, error);
  if (!error) acceptor.listen(kBacklog, error);
  if (error == asio::error::address_in_use) return error_of(ErrorKind::limit_exceeded, "{}", error.message());
  if (error) return error_of(ErrorKind::io, "--host {} --port {}: {}", address.to_string(), at, error.message());
  return acceptor;
}

Status HttpServer::State::listen_on_tcp() {
  const HttpOptions& options = loop->options;
  ErrorCode error;
  std::vector<asio::ip::address> addresses;
  std::string host = options.host;
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (const auto address = asio::ip::make_address(host, error); !error) {
    addresses.push_back(address);
  } else {
    const auto found = tcp::resolver(loop->io).resolve(host, "", tcp::resolver::passive, error);
    if (error) return error_of(ErrorKind::not_found, "--host {}: no such address: {}", host, error.message());
    for (const auto& entry : found) {
      if (std::ranges::find(addresses, entry.endpoint().address()) == addresses.end())
        addresses.push_back(entry.endpoint().address());
    }
  }
  const int n_ports = options.port == 0 ? 1 : std::max(options.n_ports, 1);
  for (int i = 0; i < n_ports && options.port + i <= 65535; i++) {
    auto at = static_cast<uint16_t>(options.port + i);
    bool taken = false;
    acceptors.clear();
    for (const auto& address : addresses) {
      auto acceptor = bind_tcp(address, at);
      if (!acceptor.ok() && acceptor.error().kind == ErrorKind::limit_exceeded) {
        taken = true;
        break;
      }
      // Of a name's addresses those that this machine lacks are passed over.
      if (!acceptor.ok() && addresses.size() > 1) continue;
      if (!acceptor.ok()) return acceptor.error();
      if (at == 0) {
        tcp::endpoint bound;
        const auto local = acceptor->local_endpoint(error);
        bound.resize(local.size());
        std::memcpy(bound.data(), local.data(), local.size());
        at = bound.port();
      }
      acceptors.push_back(std::move(*acceptor));
    }
    if (taken || acceptors.empty()) continue;
    port = at;
    const auto& shown = addresses.front();
    const auto reachable = shown.is_unspecified() ? "127.0.0.1" : url_host(shown);
    url = fmt::format("http://{}:{}{}", reachable, port, options.prefix);
    return {};
  }
  acceptors.clear();
  if (n_ports == 1) return error_of(ErrorKind::io, "--host {} --port {}: the port is taken", host, options.port);
  return error_of(ErrorKind::io, "--host {}: the ports {} to {} are taken; choose another with --port", host,
                  options.port, options.port + n_ports - 1);
}

// Where a connection comes from, and whether over a loopback address of ours.
static std::pair<std::string, bool> describe(const Socket& socket) {
  ErrorCode error;
  const auto remote = socket.remote_endpoint(error);
  const auto local = socket.local_endpoint(error);
  const auto family = local.protocol().family();
  if (error || (family != tcp::v4().family() && family != tcp::v6().family())) return {"unix", false};
  tcp::endpoint from, to;
  from.resize(remote.size());
  std::memcpy(from.data(), remote.data(), remote.size());
  to.resize(local.size());
  std::memcpy(to.data(), local.data(), local.size());
  asio::ip::address at = to.address();
  if (at.is_v6() && at.to_v6().is_v4_mapped()) at = asio::ip::make_address_v4(asio::ip::v4_mapped, at.to_v6());
  return {from.address().to_string(), at.is_loopback()};
}

void HttpServer::State::welcome(Socket socket) {
  auto [peer, on_loopback] = describe(socket);
  ErrorCode ignored;
  if (peer != "unix") socket.set_option(tcp::no_delay(true), ignored);
  const bool full = loop->connections.size() >= loop->options.limits.max_connections;
  if (full && !loop->idle.empty()) {
    loop->idle.begin()->second->close();
    loop->idle.erase(loop->idle.begin());
  } else if (full) {
    // Without a coroutine of its own: what does not fit into the socket's buffer is lost.
    const Response response = loop->options.error_response(503, "too many connections");
    const std::string bytes = fmt::format(
        "HTTP/1.1 503 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nRetry-After: 1\r\nConnection: close\r\n\r\n{}",
        reason_phrase(503), response.content_type, response.body.size(), response.body);
    socket.non_blocking(true, ignored);
    socket.send(asio::buffer(bytes), 0, ignored);
    return;
  }
  std::make_shared<Connection>(loop, std::move(socket), std::move(peer), on_loopback)->start();
}

asio::awaitable<void> HttpServer::State::accept(Acceptor& acceptor) {
  const auto self = shared_from_this();
  for (;;) {
    auto [error, socket] = co_await acceptor.async_accept(kResume);
    if (loop->draining || error == asio::error::operation_aborted || error == asio::error::bad_descriptor) co_return;
    if (!error) {
      welcome(std::move(socket));
      continue;
    }
    // No file left, or a client that was gone already: the next attempt must not come at once, or it spins.
    asio::steady_timer pause(loop->io, std::chrono::milliseconds(50));
    co_await pause.async_wait(kResume);
  }
}

void HttpServer::State::wait_for_signals() {
  signals.async_wait([self = shared_from_this()](ErrorCode error, [[maybe_unused]] int signal) {
    if (error) return;
#ifdef SIGHUP
    if (signal == SIGHUP) {
      if (self->loop->options.on_reload) self->loop->options.on_reload();
      self->wait_for_signals();
      return;
    }
#endif
    // The second one does not wait.
    if (self->loop->draining) {
      for (Connection* connection : self->loop->connections) connection->close();
      return;
    }
    // Waits again before the rest ends, which cancels the wait.
    self->wait_for_signals();
    self->drain();
  });
}

void HttpServer::State::drain() {
  if (std::exchange(loop->draining, true)) return;
  ErrorCode ignored;
  for (Acceptor& acceptor : acceptors) acceptor.close(ignored);
  for (Connection* connection : loop->connections) connection->drain();
  // Looks again until all are gone or the time is over.
  const auto end = std::chrono::steady_clock::now() + loop->options.limits.drain_time;
  asio::co_spawn(
      loop->io,
      [self = shared_from_this(), end]() -> asio::awaitable<void> {
        while (!self->loop->connections.empty()) {
          if (std::chrono::steady_clock::now() >= end) {
            for (Connection* connection : self->loop->connections) connection->close();
          }
          self->drain_timer.expires_after(std::chrono::milliseconds(10));
          co_await self->drain_timer.async_wait(kResume);
        }
        self->signals.cancel();
      },
      asio::detached);
}

HttpServer::HttpServer(std::shared_ptr<State> state) : state_(std::move(state)) {}

Result<std::unique_ptr<HttpServer>> HttpServer::create(HttpOptions options) {
  QUIPU_CHECK(options.handle && options.admit && options.error_response);
  auto state = std::make_shared<State>(std::move(options));
  QUIPU_CHECK_OK(state->listen());
  return std::unique_ptr<HttpServer>(new HttpServer(std::move(state)));
}

// NOLINTNEXTLINE(bugprone-exception-escape): without memory to stop it, the program may end
HttpServer::~HttpServer() {
  state_->loop->options.limits.drain_time = {};
  if (state_->thread.joinable()) {
    asio::post(state_->loop->io, [state = state_] {
      state->drain();
      for (Connection* connection : state->loop->connections) connection->close();
    });
    state_->thread.join();
  }
  std::error_code ignored;
  if (state_->socket_path) std::filesystem::remove(*state_->socket_path, ignored);
}

void HttpServer::start() {
  QUIPU_CHECK(!state_->thread.joinable());
  for (Acceptor& acceptor : state_->acceptors) {
    asio::co_spawn(
        state_->loop->io, [state = state_, &acceptor] { return state->accept(acceptor); }, asio::detached);
  }
  if (state_->loop->options.handle_signals) {
    for (const int signal : {SIGINT, SIGTERM}) state_->signals.add(signal);
#ifdef SIGHUP
    state_->signals.add(SIGHUP);
#endif
    state_->wait_for_signals();
  }
  state_->thread = std::thread([state = state_] { state->loop->io.run(); });
}

void HttpServer::stop() {
  asio::post(state_->loop->io, [state = state_] { state->drain(); });
}

void HttpServer::wait() {
  if (state_->thread.joinable()) state_->thread.join();
}

uint16_t HttpServer::port() const {
  return state_->port;
}

std::string HttpServer::url() const {
  return state_->url;
}

size_t HttpServer::n_connections() const {
  return state_->loop->n_connections;
}

}  // namespace quipu::server
