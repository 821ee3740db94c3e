#include "server/http/channel.h"

#include <boost/asio/post.hpp>
#include <ctime>

#include "base/check.h"

namespace quipu::server {
namespace {

class Handle : public Exchange {
 public:
  explicit Handle(std::shared_ptr<Channel> channel) : channel_(std::move(channel)) {}
  // NOLINTNEXTLINE(bugprone-exception-escape): without memory to tell it, the program may end
  ~Handle() override { channel_->abandon(); }
  [[nodiscard]] const Request& request() const override { return channel_->request(); }
  void respond(Response response) override { channel_->respond(response); }
  void begin(Response head) override { channel_->begin(head); }
  bool write(std::string_view piece) override { return channel_->write(piece); }
  void end() override { channel_->end(); }
  void on_gone(std::function<void()> callback) override { channel_->on_gone(std::move(callback)); }
  [[nodiscard]] bool gone() const override { return channel_->gone(); }

 private:
  std::shared_ptr<Channel> channel_;
};

// RFC 9110, section 5.6.7, whatever the locale.
std::string http_date() {
  constexpr const char* kDays[]{"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  constexpr const char* kMonths[]{"Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  const auto days = std::chrono::floor<std::chrono::days>(std::chrono::system_clock::now());
  const std::chrono::year_month_day date(days);
  const std::chrono::hh_mm_ss time(std::chrono::floor<std::chrono::seconds>(std::chrono::system_clock::now() - days));
  return fmt::format("{}, {:02} {} {:04} {:02}:{:02}:{:02} GMT", kDays[std::chrono::weekday(days).c_encoding()],
                     static_cast<unsigned>(date.day()), kMonths[static_cast<unsigned>(date.month()) - 1],
                     static_cast<int>(date.year()), time.hours().count(), time.minutes().count(),
                     time.seconds().count());
}

}  // namespace

std::string head_of(const Response& response, const std::string& request_id, const HeadStyle& style,
                    std::optional<size_t> n_body) {
  std::string head = fmt::format("HTTP/1.1 {} {}\r\nDate: {}\r\nServer: quipu\r\nX-Request-Id: {}\r\n", response.status,
                                 reason_phrase(response.status), http_date(), request_id);
  if (response.status != 204) head += fmt::format("Content-Type: {}\r\n", response.content_type);
  // A page that was made to look like another type is a known attack.
  head += "X-Content-Type-Options: nosniff\r\n";
  for (const auto* headers : {&response.headers, &style.extra}) {
    for (const Header& header : *headers) head += fmt::format("{}: {}\r\n", header.name, header.value);
  }
  if (n_body && response.status != 204) {
    head += fmt::format("Content-Length: {}\r\n", *n_body);
  } else if (!n_body && style.chunked) {
    head += "Transfer-Encoding: chunked\r\n";
  }
  head += style.keep_alive ? "Connection: keep-alive\r\n\r\n" : "Connection: close\r\n\r\n";
  return head;
}

Channel::Channel(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, Request request, HeadStyle style)
    : loop_(std::move(loop)),
      connection_(std::move(connection)),
      request_(std::move(request)),
      style_(std::move(style)) {}

std::shared_ptr<Exchange> Channel::handle(std::shared_ptr<Channel> channel) {
  return std::make_shared<Handle>(std::move(channel));
}

void Channel::notify() {
  if (std::exchange(notified_, true)) return;
  boost::asio::post(loop_->io, [connection = connection_] {
    if (const auto alive = connection.lock()) alive->wake();
  });
}

Channel::Piece Channel::take() {
  const std::lock_guard lock(mutex_);
  notified_ = false;
  return {std::exchange(pending_, {}), ended_};
}

void Channel::leave() {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    if (gone_ || (ended_ && pending_.empty())) return;
    gone_ = true;
    pending_.clear();
    if (!ended_) callback = std::exchange(on_gone_, nullptr);
  }
  if (callback) callback();
}

bool Channel::gone() const {
  const std::lock_guard lock(mutex_);
  return gone_;
}

bool Channel::broke_off() const {
  const std::lock_guard lock(mutex_);
  return broke_off_;
}

int Channel::status() const {
  const std::lock_guard lock(mutex_);
  return status_;
}

uint64_t Channel::n_sent() const {
  const std::lock_guard lock(mutex_);
  return n_sent_;
}

void Channel::respond(const Response& response) {
  const std::lock_guard lock(mutex_);
  QUIPU_CHECK(status_ == 0);
  status_ = response.status;
  ended_ = true;
  on_gone_ = nullptr;
  if (gone_) return;
  pending_ = head_of(response, request_.id, style_, response.body.size());
  if (!style_.no_body && response.status != 204) {
    pending_ += response.body;
    n_sent_ = response.body.size();
  }
  notify();
}

void Channel::append_chunk(std::string_view piece) {
  if (piece.empty() || style_.no_body) return;
  n_sent_ += piece.size();
  if (style_.chunked) fmt::format_to(std::back_inserter(pending_), "{:x}\r\n", piece.size());
  pending_ += piece;
  if (style_.chunked) pending_ += "\r\n";
}

void Channel::begin(const Response& head) {
  const std::lock_guard lock(mutex_);
  QUIPU_CHECK(status_ == 0);
  status_ = head.status;
  if (gone_) return;
  if (!style_.chunked) style_.keep_alive = false;  // HTTP/1.0: the body ends with the connection
  pending_ = head_of(head, request_.id, style_, std::nullopt);
  append_chunk(head.body);
  notify();
}

bool Channel::write(std::string_view piece) {
  std::function<void()> callback;
  {
    const std::lock_guard lock(mutex_);
    QUIPU_CHECK(status_ != 0 && !ended_);
    if (gone_) return false;
    append_chunk(piece);
    if (pending_.size() <= loop_->options.limits.max_unread_bytes) {
      notify();
      return true;
    }
    gone_ = broke_off_ = true;
    pending_.clear();
    callback = std::exchange(on_gone_, nullptr);
    notify();
  }
  if (callback) callback();
  return false;
}

void Channel::end() {
  const std::lock_guard lock(mutex_);
  QUIPU_CHECK(status_ != 0 && !ended_);
  ended_ = true;
  on_gone_ = nullptr;
  if (gone_) return;
  if (style_.chunked && !style_.no_body) pending_ += "0\r\n\r\n";
  notify();
}

void Channel::on_gone(std::function<void()> callback) {
  {
    const std::lock_guard lock(mutex_);
    if (ended_) return;
    if (!gone_) {
      on_gone_ = std::move(callback);
      return;
    }
  }
  if (callback) callback();
}

void Channel::abandon() {
  bool answered = false;
  {
    const std::lock_guard lock(mutex_);
    on_gone_ = nullptr;
    if (ended_) return;
    answered = status_ != 0;
    if (answered) {
      broke_off_ = gone_ = true;
      notify();
    }
  }
  if (!answered) respond(loop_->options.error_response(500, "the request was given up"));
}

}  // namespace quipu::server
