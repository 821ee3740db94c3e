// POST /v1/chat/completions
#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "server/service/event_stream.h"

namespace quipu::server {
namespace {

const char* finish_name(ChatFinish finish) {
  switch (finish) {
    case ChatFinish::length:
      return "length";
    case ChatFinish::tool_calls:
      return "tool_calls";
    default:
      return "stop";
  }
}

struct Style {
  std::string id = random_id("chatcmpl-");
  int64_t created = unix_seconds();
  bool logprobs = false, include_usage = false;
  uint32_t n_choices = 1;
};

class Whole : public ChatEvents {
 public:
  Whole(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, Style style)
      : exchange_(std::move(exchange)),
        model_(std::move(model)),
        style_(std::move(style)),
        choices_(style_.n_choices) {}

  void on_start() override {}
  void on_text(uint32_t choice, std::string_view text, const std::vector<ScoredToken>& tokens) override {
    choices_[choice].text += text;
    choices_[choice].tokens.insert(choices_[choice].tokens.end(), tokens.begin(), tokens.end());
  }
  void on_call(uint32_t choice, size_t, const std::string& id, std::string_view name) override {
    choices_[choice].calls.push_back(
        {{"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", ""}}}});
  }
  void on_arguments(uint32_t choice, size_t index, std::string_view piece) override {
    choices_[choice].calls[index]["function"]["arguments"].get_ref<std::string&>() += piece;
  }
  void on_call_end(uint32_t, size_t) override {}
  void on_finish(uint32_t choice, ChatFinish finish, const std::string&) override { choices_[choice].finish = finish; }

  void on_done(const engine::Usage& usage) override {
    Json choices = Json::array();
    for (size_t i = 0; i < choices_.size(); i++) {
      const Answer& answer = choices_[i];
      Json message{{"role", "assistant"}, {"content", answer.text}, {"refusal", nullptr}};
      if (!answer.calls.empty()) {
        if (answer.text.empty()) message["content"] = nullptr;
        message["tool_calls"] = answer.calls;
      }
      Json logprobs;
      if (style_.logprobs) logprobs = {{"content", chat_logprobs(*model_, answer.tokens)}, {"refusal", nullptr}};
      choices.push_back({{"index", i},
                         {"message", std::move(message)},
                         {"logprobs", std::move(logprobs)},
                         {"finish_reason", finish_name(answer.finish)}});
    }
    const Json body{{"id", style_.id},
                    {"object", "chat.completion"},
                    {"created", style_.created},
                    {"model", model_->name},
                    {"choices", std::move(choices)},
                    {"usage", usage_json(usage)},
                    {"system_fingerprint", kFingerprint}};
    exchange_->respond(json_response(body));
  }
  void on_error(const Error& error) override { exchange_->respond(error_response(api_error(error))); }

 private:
  struct Answer {
    std::string text;
    Json calls = Json::array();
    std::vector<ScoredToken> tokens;
    ChatFinish finish = ChatFinish::stop;
  };
  std::shared_ptr<Exchange> exchange_;
  ModelHost::Lease model_;
  Style style_;
  std::vector<Answer> choices_;
};

class Streamed : public ChatEvents {
 public:
  Streamed(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, Style style)
      : stream_(std::move(exchange)), model_(std::move(model)), style_(std::move(style)) {}

  void on_start() override {
    stream_.begin();
    for (uint32_t i = 0; i < style_.n_choices; i++) send(i, {{"role", "assistant"}, {"content", ""}}, Json(), Json());
  }
  void on_text(uint32_t choice, std::string_view text, const std::vector<ScoredToken>& tokens) override {
    Json logprobs;
    if (style_.logprobs) logprobs = {{"content", chat_logprobs(*model_, tokens)}, {"refusal", nullptr}};
    send(choice, {{"content", text}}, std::move(logprobs), Json());
  }
  void on_call(uint32_t choice, size_t index, const std::string& id, std::string_view name) override {
    const Json call{
        {"index", index}, {"id", id}, {"type", "function"}, {"function", {{"name", name}, {"arguments", ""}}}};
    send(choice, {{"tool_calls", Json::array({call})}}, Json(), Json());
  }
  void on_arguments(uint32_t choice, size_t index, std::string_view piece) override {
    const Json call{{"index", index}, {"function", {{"arguments", piece}}}};
    send(choice, {{"tool_calls", Json::array({call})}}, Json(), Json());
  }
  void on_call_end(uint32_t, size_t) override {}
  void on_finish(uint32_t choice, ChatFinish finish, const std::string&) override {
    send(choice, Json::object(), Json(), finish_name(finish));
  }
  void on_done(const engine::Usage& usage) override {
    if (style_.include_usage) {
      Json last = chunk(Json::array());
      last["usage"] = usage_json(usage);
      stream_.json(last);
    }
    stream_.data("[DONE]");
    stream_.end();
  }
  void on_error(const Error& error) override { stream_.fail(error); }

 private:
  [[nodiscard]] Json chunk(Json choices) const {
    Json json{{"id", style_.id},       {"object", "chat.completion.chunk"},  {"created", style_.created},
              {"model", model_->name}, {"system_fingerprint", kFingerprint}, {"choices", std::move(choices)}};
    if (style_.include_usage) json["usage"] = nullptr;
    return json;
  }
  void send(uint32_t choice, Json delta, Json logprobs, Json finish) {
    const Json one{{"index", choice},
                   {"delta", std::move(delta)},
                   {"logprobs", std::move(logprobs)},
                   {"finish_reason", std::move(finish)}};
    stream_.json(chunk(Json::array({one})));
  }

  EventStream stream_;
  ModelHost::Lease model_;
  Style style_;
};

}  // namespace

Result<bool> read_include_usage(const Fields& fields) {
  const Json* options = fields.find("stream_options");
  if (options == nullptr) return false;
  static const Table kTable{{.name = "include_usage", .kind = FieldKind::boolean},
                            {.name = "include_obfuscation", .only = {"false"}}};
  QUIPU_TRY(const Fields inner, Fields::of(kTable, *options, "$.stream_options"));
  if (!fields.boolean("stream", false)) return invalid_input("$.stream_options: needs stream to be true");
  return inner.boolean("include_usage", false);
}

Status chat_completions(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(ChatJob job, read_chat(*fields, *model, call.service.options.defaults, call.request()));
  Style style;
  style.logprobs = job.request.logprobs;
  style.n_choices = job.request.n_answers;
  QUIPU_TRY(style.include_usage, read_include_usage(*fields));
  std::shared_ptr<ChatEvents> events;
  if (fields->boolean("stream", false)) {
    events = std::make_shared<Streamed>(call.exchange, model, std::move(style));
  } else {
    events = std::make_shared<Whole>(call.exchange, model, std::move(style));
  }
  return run_chat(model, std::move(job), events, call.exchange);
}

}  // namespace quipu::server
