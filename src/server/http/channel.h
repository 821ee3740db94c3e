// The Exchange of a connection: what is to be sent waits here, behind a mutex, for the HTTP thread.
#pragma once

#include <memory>
#include <mutex>
#include <string>

#include "server/http/connection.h"
#include "server/http/exchange.h"

namespace quipu::server {

// What every answer of a connection needs to know for its head.
struct HeadStyle {
  std::vector<Header> extra;
  bool chunked = true;     // the client's HTTP version knows chunks
  bool keep_alive = true;  // the connection serves further requests
  bool no_body = false;    // the request was HEAD
};

// The head of an answer. `n_body`: the size of the body, or nothing if it comes in chunks or until the end.
std::string head_of(const Response& response, const std::string& request_id, const HeadStyle& style,
                    std::optional<size_t> n_body);

class Channel {
 public:
  Channel(std::shared_ptr<Loop> loop, std::weak_ptr<Connection> connection, Request request, HeadStyle style);

  // ---- for the connection
  struct Piece {
    std::string bytes;
    bool last = false;
  };
  // What waits to be sent.
  Piece take();
  void leave();  // nobody reads any more
  [[nodiscard]] const Request& request() const { return request_; }
  [[nodiscard]] bool gone() const;
  [[nodiscard]] bool broke_off() const;  // the stream was dropped in the middle
  [[nodiscard]] bool keep_alive() const { return style_.keep_alive; }
  [[nodiscard]] int status() const;
  [[nodiscard]] uint64_t n_sent() const;
  // The handle for those who answer; once, at the beginning.
  static std::shared_ptr<Exchange> handle(std::shared_ptr<Channel> channel);

  // ---- for the handle
  void respond(const Response& response);
  void begin(const Response& head);
  bool write(std::string_view piece);
  void end();
  void on_gone(std::function<void()> callback);
  void abandon();  // the last handle went

 private:
  void append_chunk(std::string_view piece);  // the mutex is held
  void notify();

  std::shared_ptr<Loop> loop_;
  std::weak_ptr<Connection> connection_;
  Request request_;
  HeadStyle style_;
  mutable std::mutex mutex_;
  std::string pending_;
  std::function<void()> on_gone_;
  int status_ = 0;  // of the answer that began, or 0
  uint64_t n_sent_ = 0;
  bool ended_ = false, gone_ = false, broke_off_ = false, notified_ = false;
};

}  // namespace quipu::server
