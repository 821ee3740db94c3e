// The engine's tokens become events of a chat: text and calls of tools.
#include <optional>

#include "server/api/chat_events.h"

namespace quipu::server {
namespace {

class Choice : public ToolEvents {
 public:
  Choice(uint32_t index, const ChatJob& job, ChatEvents& events)
      : index_(index), parallel_calls_(job.parallel_calls), events_(events) {
    if (!job.reads_calls) return;
    reader_ = make_tool_reader(job.format, job.tool_names);
    if (!job.forced_prefix.empty()) reader_->push(job.forced_prefix, *this);
  }

  void push(const engine::TokenEvent& event, bool scored) {
    if (scored && event.token) tokens_.push_back({*event.token, *event.logprobs});
    said_ = false;
    if (reader_) {
      reader_->push(event.text, *this);
    } else {
      on_text(event.text);
    }
    // With log-probabilities each token is told at once, even if it showed no text yet.
    if (!reader_ && scored && !said_ && !tokens_.empty()) on_text("");
  }

  void finish(engine::Finish finish, const std::string& stop) {
    if (reader_) reader_->finish(*this);
    if (!tokens_.empty()) flush("");
    ChatFinish how = ChatFinish::stop;
    if (n_calls_ > 0 && (finish == engine::Finish::end || enough_)) {
      how = ChatFinish::tool_calls;
    } else if (finish == engine::Finish::stop_text) {
      how = ChatFinish::stop_text;
    } else if (finish != engine::Finish::end) {
      how = ChatFinish::length;
    }
    events_.on_finish(index_, how, stop);
  }

  // The one call that was allowed is complete.
  [[nodiscard]] bool enough() const { return enough_; }

 private:
  void flush(std::string_view text) {
    events_.on_text(index_, text, tokens_);
    tokens_.clear();
    said_ = true;
  }
  void on_text(std::string_view text) override {
    if (!enough_ && (!text.empty() || !tokens_.empty())) flush(text);
  }
  void on_call(std::string_view name) override {
    if (enough_) return;
    events_.on_call(index_, n_calls_++, random_id("call_"), name);
  }
  void on_arguments(std::string_view piece) override {
    if (!enough_) events_.on_arguments(index_, n_calls_ - 1, piece);
  }
  void on_call_end() override {
    if (!enough_) events_.on_call_end(index_, n_calls_ - 1);
    if (!parallel_calls_) enough_ = true;
  }

  uint32_t index_;
  bool parallel_calls_;
  ChatEvents& events_;
  std::unique_ptr<ToolReader> reader_;
  std::vector<ScoredToken> tokens_;  // not told yet
  size_t n_calls_ = 0;
  bool enough_ = false, said_ = false;
};

// The state of a run, owned by the listener.
struct Run {
  ChatJob job;
  ModelHost::Lease model;
  std::shared_ptr<ChatEvents> events;
  std::vector<std::unique_ptr<Choice>> choices;
  engine::GenerateOptions options;
  bool started = false;

  void start() {
    if (!std::exchange(started, true)) events->on_start();
  }
};

}  // namespace

Status run_chat(const ModelHost::Lease& model, ChatJob job, const std::shared_ptr<ChatEvents>& events,
                const std::shared_ptr<Exchange>& exchange) {
  engine::Request request = std::move(job.request);
  const auto run = std::make_shared<Run>(Run{std::move(job), model, events, {}, request.options});
  for (uint32_t i = 0; i < request.n_answers; i++)
    run->choices.push_back(std::make_unique<Choice>(i, run->job, *events));
  const bool scored = request.logprobs;
  engine::Listener listener;
  listener.on_prompt = [run](size_t, size_t) { run->start(); };
  listener.on_token = [run, scored](const engine::TokenEvent& event) {
    run->start();
    run->choices[event.answer]->push(event, scored);
  };
  listener.on_answer = [run](uint32_t answer, const engine::Generated& generated) {
    run->start();
    run->choices[answer]->finish(generated.finish, stop_text_of(generated, run->options, *run->model));
  };
  listener.on_done = [run](const Result<engine::Answered>& result) {
    if (!result.ok()) return run->events->on_error(result.error());
    run->start();
    run->events->on_done(result->usage);
  };
  return submit(model, std::move(request), std::move(listener), exchange);
}

std::string token_text(const HostedModel& model, engine::Token token) {
  return std::string(model.model->tokenizer().bytes(token, true));
}

Json chat_logprobs(const HostedModel& model, const std::vector<ScoredToken>& tokens) {
  const auto entry = [&](engine::Token token, float logprob) {
    const std::string text = token_text(model, token);
    Json bytes = Json::array();
    for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
    return Json{{"token", text}, {"logprob", logprob}, {"bytes", bytes}};
  };
  Json list = Json::array();
  for (const ScoredToken& scored : tokens) {
    Json one = entry(scored.token, scored.logprobs.logprob);
    one["top_logprobs"] = Json::array();
    for (const auto& top : scored.logprobs.top) one["top_logprobs"].push_back(entry(top.id, top.logprob));
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace quipu::server
