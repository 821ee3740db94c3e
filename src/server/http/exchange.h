// One request and the way back to its client.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "server/http/message.h"

namespace quipu::server {

// Methods may be called from any thread and never block. Either respond() once, or begin(), write() as often as needed
// and end(). When the last reference goes before that, the client gets a 500, or its stream breaks off.
class Exchange {
 public:
  Exchange() = default;
  virtual ~Exchange() = default;
  Exchange(const Exchange&) = delete;
  Exchange& operator=(const Exchange&) = delete;

  [[nodiscard]] virtual const Request& request() const = 0;

  virtual void respond(Response response) = 0;

  // The head of an answer whose body comes in pieces; `head.body` is the first.
  virtual void begin(Response head) = 0;
  // False once nobody reads any more: the client left, or has left more than the limit unread and is dropped.
  virtual bool write(std::string_view piece) = 0;
  virtual void end() = 0;

  // Calls `callback` once, from any thread, when nobody reads any more before the answer is complete; at once if that
  // has happened. One callback; a later one replaces it.
  virtual void on_gone(std::function<void()> callback) = 0;
  [[nodiscard]] virtual bool gone() const = 0;
};

}  // namespace quipu::server
