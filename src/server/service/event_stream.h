// Server-sent events on an exchange. For one thread at a time.
#pragma once

#include <memory>
#include <string_view>

#include "server/api/errors.h"
#include "server/http/exchange.h"

namespace quipu::server {

class EventStream {
 public:
  explicit EventStream(std::shared_ptr<Exchange> exchange) : exchange_(std::move(exchange)) {}

  // The head, once; done by the first event too.
  void begin() {
    if (std::exchange(begun_, true)) return;
    Response head{200, "text/event-stream", "", {{"Cache-Control", "no-store"}, {"X-Accel-Buffering", "no"}}};
    exchange_->begin(std::move(head));
  }
  [[nodiscard]] bool begun() const { return begun_; }
  void data(std::string_view text) { write("data: ", text, "\n\n"); }
  void json(const Json& content) { data(json_text(content)); }
  void event(std::string_view name, const Json& json) {
    begin();
    exchange_->write(fmt::format("event: {}\ndata: {}\n\n", name, json_text(json)));
  }
  void end() {
    begin();
    exchange_->end();
  }
  // The end for an error: the whole answer if nothing was sent yet, else the last event.
  void fail(const Error& error) {
    if (!begun_) return exchange_->respond(error_response(api_error(error)));
    json(error_json(api_error(error)));
    end();
  }
  [[nodiscard]] const std::shared_ptr<Exchange>& exchange() const { return exchange_; }

 private:
  void write(std::string_view before, std::string_view text, std::string_view after) {
    begin();
    exchange_->write(fmt::format("{}{}{}", before, text, after));
  }

  std::shared_ptr<Exchange> exchange_;
  bool begun_ = false;
};

}  // namespace quipu::server
