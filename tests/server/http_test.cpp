#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <filesystem>
#include <mutex>
#include <thread>

#include "server/http/http_server.h"
#include "tests/server/socket_client.h"

namespace quipu::server {
namespace {

using ::testing::EndsWith;
using ::testing::HasSubstr;
using testing::SocketClient;
using ::testing::StartsWith;
using namespace std::chrono_literals;

// A server that answers by path: /echo its body, /wait nothing yet, /stream pieces until somebody stops it.
class HttpTest : public ::testing::Test {
 protected:
  HttpOptions options() {
    HttpOptions o;
    o.port = 0;
    o.limits.header_time = 300ms;
    o.limits.body_time = 300ms;
    o.limits.max_body_bytes = 100000;
    o.limits.drain_time = 2000ms;
    o.error_response = [](int status, const std::string& message) {
      return Response{status, "text/plain", message, {}};
    };
    o.admit = [](const Request& request) -> std::optional<Response> {
      if (request.path == "/forbidden") return Response{403, "text/plain", "no", {}};
      return std::nullopt;
    };
    o.handle = [this](const std::shared_ptr<Exchange>& exchange) { handle(exchange); };
    o.on_access = [this](const AccessRecord& record) {
      const std::lock_guard lock(mutex_);
      records_.push_back(record);
    };
    return o;
  }

  void start(HttpOptions o) {
    auto server = HttpServer::create(std::move(o));
    ASSERT_TRUE(server.ok()) << server.error().message;
    server_ = std::move(*server);
    server_->start();
  }

  void handle(const std::shared_ptr<Exchange>& exchange) {
    const Request& request = exchange->request();
    if (request.path == "/echo") return exchange->respond({200, "text/plain", request.body, {}});
    if (request.path == "/drop") return;
    const std::lock_guard lock(mutex_);
    waiting_ = exchange;
    exchange->on_gone([this] { n_gone_++; });
    if (request.path == "/stream") exchange->begin({200, "text/plain", "", {}});
    condition_.notify_all();
  }

  std::shared_ptr<Exchange> waiting() {
    std::unique_lock lock(mutex_);
    condition_.wait_for(lock, 5s, [&] { return waiting_ != nullptr; });
    return std::move(waiting_);
  }

  template <typename Condition>
  static bool eventually(Condition condition) {
    for (int i = 0; i < 500 && !condition(); i++) std::this_thread::sleep_for(10ms);
    return condition();
  }

  std::string ask(const std::string& bytes) {
    SocketClient client(server_->port());
    client.send(bytes);
    return client.receive();
  }

  std::mutex mutex_;
  std::condition_variable condition_;
  std::shared_ptr<Exchange> waiting_;
  std::vector<AccessRecord> records_;
  std::atomic<int> n_gone_{0};
  std::unique_ptr<HttpServer> server_;
};

TEST_F(HttpTest, AnswersAndKeepsTheConnection) {
  start(options());
  SocketClient client(server_->port());
  client.send("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nX-Request-Id: mine\r\n\r\nhello");
  const std::string first = client.receive("hello");
  EXPECT_THAT(first, StartsWith("HTTP/1.1 200 OK\r\n"));
  EXPECT_THAT(first, HasSubstr("X-Request-Id: mine\r\n"));
  EXPECT_THAT(first, HasSubstr("Content-Length: 5\r\n"));
  // Two at once: both are answered, in order.
  client.send(
      "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\none"
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nConnection: "
      "close\r\n\r\n2\r\ntw\r\n1\r\no\r\n0\r\n\r\n");
  const std::string both = client.receive();
  EXPECT_LT(both.find("one"), both.find("two"));
  EXPECT_THAT(both, EndsWith("two"));
}

TEST_F(HttpTest, SendsStreamsInChunksOrUntilTheEnd) {
  start(options());
  SocketClient client(server_->port());
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  auto exchange = waiting();
  EXPECT_THAT(client.receive("\r\n\r\n"), HasSubstr("Transfer-Encoding: chunked"));
  EXPECT_TRUE(exchange->write("hello"));
  EXPECT_EQ(client.receive("hello\r\n"), "5\r\nhello\r\n");
  exchange->end();
  EXPECT_EQ(client.receive("0\r\n\r\n"), "0\r\n\r\n");

  SocketClient old(server_->port());
  old.send("GET /stream HTTP/1.0\r\n\r\n");
  exchange = waiting();
  exchange->write("bye");
  exchange->end();
  const std::string all = old.receive();
  EXPECT_THAT(all, EndsWith("\r\n\r\nbye"));
  EXPECT_THAT(all, HasSubstr("Connection: close"));
}

TEST_F(HttpTest, NoticesThatTheClientLeaves) {
  start(options());
  for (const char* path : {"/wait", "/stream"}) {
    n_gone_ = 0;
    SocketClient client(server_->port());
    client.send(fmt::format("GET {} HTTP/1.1\r\nHost: x\r\n\r\n", path));
    const auto exchange = waiting();
    client.close();
    EXPECT_TRUE(eventually([&] { return n_gone_ == 1; })) << path;
    EXPECT_TRUE(exchange->gone());
  }
  EXPECT_TRUE(eventually([&] { return server_->n_connections() == 0; }));
}

TEST_F(HttpTest, DropsAReaderThatLeavesTooMuchUnread) {
  auto o = options();
  o.limits.max_unread_bytes = 100000;
  start(std::move(o));
  SocketClient client(server_->port(), 4096);
  client.send("GET /stream HTTP/1.1\r\nHost: x\r\n\r\n");
  const auto exchange = waiting();
  size_t n_written = 0;
  const std::string piece(10000, 'x');
  while (n_written < (64U << 20) && exchange->write(piece)) n_written += piece.size();
  // What the system buffers comes on top.
  EXPECT_LT(n_written, 16U << 20);
  EXPECT_EQ(n_gone_, 1);
  EXPECT_TRUE(eventually([&] { return server_->n_connections() == 0; }));
}

TEST_F(HttpTest, RefusesWhatIsTooLongOrBroken) {
  start(options());
  const std::string long_header = "GET / HTTP/1.1\r\nX: " + std::string(50000, 'x');
  EXPECT_THAT(ask(long_header), StartsWith("HTTP/1.1 431 "));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 200000\r\n\r\n"), StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n30000\r\n" +
                  std::string(0x30000, 'x') + "\r\n0\r\n\r\n"),
              StartsWith("HTTP/1.1 413 "));
  EXPECT_THAT(ask("GET  HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("\x16\x03\x01\x02garbage\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /%zz HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /%00 HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /a/../../etc/passwd HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /%2e%2e/etc/passwd HTTP/1.1\r\n\r\n"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: 3\r\nContent-Length: 30\r\n\r\nabc"),
              StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("POST /echo HTTP/1.1\r\nContent-Length: -3\r\n\r\nabc"), StartsWith("HTTP/1.1 400 "));
  EXPECT_THAT(ask("GET /drop HTTP/1.1\r\nConnection: close\r\n\r\n"), StartsWith("HTTP/1.1 500 "));
}

TEST_F(HttpTest, RefusesBeforeTheBody) {
  start(options());
  SocketClient client(server_->port());
  client.send("POST /forbidden HTTP/1.1\r\nContent-Length: 90000\r\n\r\n");
  EXPECT_THAT(client.receive("no"), StartsWith("HTTP/1.1 403 "));
  SocketClient patient(server_->port());
  patient.send("POST /echo HTTP/1.1\r\nContent-Length: 2\r\nExpect: 100-continue\r\n\r\n");
  EXPECT_THAT(patient.receive("\r\n\r\n"), StartsWith("HTTP/1.1 100 Continue"));
  patient.send("ok");
  EXPECT_THAT(patient.receive("ok"), StartsWith("HTTP/1.1 200 OK"));
}

TEST_F(HttpTest, DropsHalfRequestsInTime) {
  start(options());
  SocketClient header(server_->port()), body(server_->port());
  header.send("GET / HTTP/1.1\r\nHost:");
  body.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  EXPECT_TRUE(header.is_closed());
  EXPECT_TRUE(body.is_closed());
  EXPECT_TRUE(eventually([&] { return server_->n_connections() == 0; }));
}

TEST_F(HttpTest, BeyondTheLimitTheLongestIdleConnectionMakesWay) {
  auto o = options();
  o.limits.max_connections = 2;
  start(std::move(o));
  SocketClient first(server_->port()), second(server_->port());
  ASSERT_TRUE(eventually([&] { return server_->n_connections() == 2; }));
  for (SocketClient* client : {&first, &second}) {
    client->send("POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
    EXPECT_THAT(client->receive("hi"), StartsWith("HTTP/1.1 200 "));
  }
  SocketClient third(server_->port());
  third.send("POST /echo HTTP/1.1\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_THAT(third.receive("hi"), StartsWith("HTTP/1.1 200 "));
  EXPECT_TRUE(first.is_closed());
  EXPECT_TRUE(eventually([&] { return server_->n_connections() == 2; }));
}

TEST_F(HttpTest, RefusesConnectionsBeyondTheLimitWhenNoneIsIdle) {
  auto o = options();
  o.limits.max_connections = 3;
  start(std::move(o));
  SocketClient a(server_->port()), b(server_->port()), c(server_->port());
  std::vector<std::shared_ptr<Exchange>> running;
  for (SocketClient* client : {&a, &b, &c}) {
    client->send("GET /wait HTTP/1.1\r\n\r\n");
    running.push_back(waiting());
  }
  SocketClient d(server_->port());
  EXPECT_THAT(d.receive(), StartsWith("HTTP/1.1 503 "));
}

TEST_F(HttpTest, FinishesWhatRunsWhenStopped) {
  start(options());
  SocketClient idle(server_->port()), busy(server_->port());
  busy.send("GET /wait HTTP/1.1\r\n\r\n");
  const auto exchange = waiting();
  server_->stop();
  EXPECT_TRUE(idle.is_closed());
  exchange->respond({200, "text/plain", "done", {}});
  EXPECT_THAT(busy.receive(), EndsWith("done"));
  server_->wait();
}

TEST_F(HttpTest, DropsHalfRequestsSoonAfterItWasStopped) {
  auto o = options();
  o.limits.header_time = o.limits.body_time = o.limits.drain_time = 60s;
  o.limits.drain_reading_time = 300ms;
  start(std::move(o));
  SocketClient header(server_->port()), body(server_->port()), whole(server_->port());
  header.send("GET / HTTP/1.1\r\nHost:");
  body.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  whole.send("POST /echo HTTP/1.1\r\nContent-Length: 10\r\n\r\nabc");
  ASSERT_TRUE(eventually([&] { return server_->n_connections() == 3; }));
  std::this_thread::sleep_for(50ms);
  server_->stop();
  whole.send("defghij");
  EXPECT_THAT(whole.receive(), EndsWith("abcdefghij"));
  EXPECT_TRUE(header.is_closed());
  EXPECT_TRUE(body.is_closed());
  server_->wait();
}

TEST_F(HttpTest, EndsWhatRunsTooLongAfterItWasStopped) {
  auto o = options();
  o.limits.drain_time = 100ms;
  start(std::move(o));
  SocketClient busy(server_->port());
  busy.send("GET /wait HTTP/1.1\r\n\r\n");
  const auto exchange = waiting();
  server_->stop();
  server_->wait();
  EXPECT_EQ(n_gone_, 1);
  exchange->respond({200, "text/plain", "too late", {}});
}

TEST_F(HttpTest, TriesTheNextPorts) {
  start(options());
  auto o = options();
  o.port = server_->port();
  o.n_ports = 11;
  auto second = HttpServer::create(std::move(o));
  ASSERT_TRUE(second.ok()) << second.error().message;
  EXPECT_GT((*second)->port(), server_->port());
  o = options();
  o.port = server_->port();
  o.n_ports = 1;
  EXPECT_FALSE(HttpServer::create(std::move(o)).ok());
}

TEST_F(HttpTest, ListensOnAUnixSocketThatItRemoves) {
  const auto path = std::filesystem::temp_directory_path() / fmt::format("quipu_http_test_{}.sock", getpid());
  auto o = options();
  o.host = path.string();
  start(std::move(o));
  EXPECT_TRUE(std::filesystem::is_socket(path));
  o = options();
  o.host = "unix:" + path.string();
  EXPECT_FALSE(HttpServer::create(std::move(o)).ok());
  server_.reset();
  EXPECT_FALSE(std::filesystem::exists(path));
}

TEST_F(HttpTest, StripsThePrefix) {
  auto o = options();
  o.prefix = "/llm";
  start(std::move(o));
  EXPECT_THAT(ask("POST /llm/echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi"), EndsWith("hi"));
  EXPECT_EQ(below_prefix("/llmx/echo", "/llm"), std::nullopt);
  EXPECT_EQ(below_prefix("/llm", "/llm"), "/");
}

TEST_F(HttpTest, LogsEachRequest) {
  start(options());
  ask("POST /echo HTTP/1.1\r\nConnection: close\r\nContent-Length: 2\r\n\r\nhi");
  ASSERT_TRUE(eventually([&] {
    const std::lock_guard lock(mutex_);
    return records_.size() == 1;
  }));
  EXPECT_EQ(records_[0].status, 200);
  EXPECT_EQ(records_[0].n_received, 2U);
  EXPECT_EQ(records_[0].n_sent, 2U);
  EXPECT_TRUE(records_[0].complete);
  EXPECT_EQ(records_[0].peer, "127.0.0.1");
}

TEST(Target, IsTakenApart) {
  const auto target = parse_target("/v1/models?a=b%20c&d&e=+#f");
  ASSERT_TRUE(target.ok());
  EXPECT_EQ(target->path, "/v1/models");
  const std::vector<std::pair<std::string, std::string>> expected{{"a", "b c"}, {"d", ""}, {"e", " "}};
  EXPECT_EQ(target->query, expected);
  EXPECT_EQ(parse_target("http://host:80/x")->path, "/x");
  EXPECT_FALSE(parse_target("x").ok());
  EXPECT_FALSE(parse_target("/%ff").ok());
  EXPECT_FALSE(parse_target("/a\\..\\b").ok());
}

}  // namespace
}  // namespace quipu::server
