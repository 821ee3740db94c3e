// POST /v1/completions
#include <algorithm>
#include <cmath>
#include <mutex>
#include <numeric>

#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "server/api/prompts.h"
#include "server/service/event_stream.h"
#include "text/utf8.h"

namespace quipu::server {
namespace {

// Answers of one request together, over all prompts.
constexpr size_t kMostAnswers = 128;
// OpenAI's default.
constexpr int64_t kDefaultTokens = 16;

Table make_completions_fields() {
  const Table own{
      {.name = "model", .kind = FieldKind::text, .help = "which model; with one alone, any name means it"},
      {.name = "prompt",
       .help = "a text, a list of texts, a list of token ids, or a list of such lists",
       .required = true,
       .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"},
      {.name = "suffix", .kind = FieldKind::text, .help = "what follows the text to be generated (fill-in-the-middle)"},
      {.name = "max_tokens",
       .kind = FieldKind::integer,
       .help = "of an answer, 16 if absent; -1: until the model ends it",
       .least = -1,
       .most = INT32_MAX},
      {.name = "n", .kind = FieldKind::integer, .help = "so many answers to each prompt", .least = 1, .most = 128},
      {.name = "best_of",
       .kind = FieldKind::integer,
       .help = "of so many the n with the highest mean log-probability",
       .least = 1,
       .most = 128},
      {.name = "echo", .kind = FieldKind::boolean, .help = "the prompt comes before the answer"},
      {.name = "logprobs",
       .kind = FieldKind::integer,
       .help = "log-probabilities of the tokens, with so many of the likeliest at each place",
       .least = 0,
       .most = 100},
      {.name = "stream_options", .kind = FieldKind::object, .help = "include_usage: the counts come as the last event"},
  };
  return joined({own, generation_fields(), llama_fields()});
}

struct Plan {
  std::vector<Prompt> prompts;
  std::vector<engine::Request> requests;
  bool stream = false, echo = false, logprobs = false, include_usage = false;
  uint32_t n = 1, n_answers = 1;  // told, computed
  std::string suffix;
};

// The texts of tokens as keys of a JSON object: those that are no UTF-8 in OpenAI's way of writing.
std::string key_text(const HostedModel& model, engine::Token token) {
  std::string text = token_text(model, token);
  if (text::is_valid_utf8(text)) return text;
  std::string key = "bytes:";
  for (const char c : text) key += fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
  return key;
}

// The lists of OpenAI's `logprobs`, which grow token by token.
class LogprobLists {
 public:
  explicit LogprobLists(size_t offset = 0) : offset_(offset) {}

  void add(const HostedModel& model, engine::Token token, const engine::TokenLogprobs& scores) {
    const std::string text = token_text(model, token);
    const std::string key_of_token = key_text(model, token);
    tokens_.push_back(key_of_token);
    text_offset_.push_back(offset_);
    // Continuation bytes belong to a character that has been counted.
    for (const char c : text) offset_ += (static_cast<unsigned char>(c) & 0xC0) != 0x80 ? 1 : 0;
    if (std::isnan(scores.logprob)) {
      token_logprobs_.push_back(nullptr);
      top_logprobs_.push_back(nullptr);
      return;
    }
    token_logprobs_.push_back(scores.logprob);
    Json top = Json::object();
    for (const auto& one : scores.top) {
      const std::string key = key_text(model, one.id);
      if (!top.contains(key)) top[key] = one.logprob;
    }
    // The token itself always has its place, with the same number.
    if (!top.contains(key_of_token)) top[key_of_token] = scores.logprob;
    top_logprobs_.push_back(std::move(top));
  }

  Json take() {
    Json json{{"tokens", std::exchange(tokens_, Json::array())},
              {"token_logprobs", std::exchange(token_logprobs_, Json::array())},
              {"top_logprobs", std::exchange(top_logprobs_, Json::array())},
              {"text_offset", std::exchange(text_offset_, Json::array())}};
    return json;
  }

 private:
  size_t offset_;
  Json tokens_ = Json::array(), token_logprobs_ = Json::array(), top_logprobs_ = Json::array(),
       text_offset_ = Json::array();
};

struct Answer {
  std::string text;
  LogprobLists lists;
  double logprob_sum = 0;
  size_t n_tokens = 0;
  engine::Finish finish = engine::Finish::length;
  bool echoed = false;
};

// All prompts' answers. Its events come from the scheduler's thread, failures of submitting from a worker's.
class Run {
 public:
  Run(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, Plan plan)
      : stream_(std::move(exchange)), model_(std::move(model)), plan_(std::move(plan)) {
    n_open_ = plan_.prompts.size();
    answers_.resize(plan_.prompts.size());
    scores_.resize(plan_.prompts.size());
    for (size_t i = 0; i < plan_.prompts.size(); i++) {
      const size_t offset = plan_.echo ? 0 : n_characters(plan_.prompts[i].text);
      answers_[i].resize(plan_.n_answers, Answer{{}, LogprobLists(offset)});
    }
  }

  static Status start(const std::shared_ptr<Run>& run);

 private:
  engine::Listener listener(const std::shared_ptr<Run>& self, size_t prompt);

  void on_token(size_t prompt, const engine::TokenEvent& event) {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    Answer& answer = answers_[prompt][event.answer];
    if (plan_.echo && !answer.echoed) echo(prompt, event.answer);
    if (event.token) {
      answer.n_tokens++;
      if (plan_.logprobs) answer.lists.add(*model_, *event.token, *event.logprobs);
      if (!std::isnan(event.logprobs->logprob)) answer.logprob_sum += event.logprobs->logprob;
    }
    if (!plan_.stream) {
      answer.text += event.text;
    } else if (!event.text.empty() || (plan_.logprobs && event.token)) {
      send(prompt, event.answer, event.text, Json());
    }
  }

  // The prompt, as the beginning of an answer.
  void echo(size_t prompt, uint32_t index) {
    Answer& answer = answers_[prompt][index];
    answer.echoed = true;
    if (plan_.logprobs) {
      const auto& tokens = plan_.prompts[prompt].tokens;
      for (size_t i = 0; i < tokens.size(); i++) {
        answer.lists.add(*model_, tokens[i], i < scores_[prompt].size() ? scores_[prompt][i] : engine::TokenLogprobs());
      }
    }
    answer.text = plan_.prompts[prompt].text;
    if (plan_.stream) send(prompt, index, std::exchange(answer.text, {}), Json());
  }

  void on_answer(size_t prompt, uint32_t index, const engine::Generated& generated) {
    const std::lock_guard lock(mutex_);
    if (failed_) return;
    if (plan_.echo && !answers_[prompt][index].echoed) echo(prompt, index);
    answers_[prompt][index].finish = generated.finish;
    if (plan_.stream) send(prompt, index, "", finish_reason(generated.finish));
  }

  void on_done(const Result<engine::Answered>& result) {
    const std::lock_guard lock(mutex_);
    n_open_--;
    if (failed_) return;
    if (!result.ok()) return fail(result.error());
    usage_.n_prompt += result->usage.n_prompt;
    usage_.n_cached += result->usage.n_cached;
    usage_.n_generated += result->usage.n_generated;
    if (n_open_ > 0) return;
    if (!plan_.stream) return respond();
    if (plan_.include_usage) {
      Json last = envelope(Json::array());
      last["usage"] = usage_json(usage_);
      stream_.json(last);
    }
    stream_.data("[DONE]");
    stream_.end();
  }

  // The mutex is held.
  void fail(const Error& error) {
    if (!std::exchange(failed_, true)) stream_.fail(error);
  }

  [[nodiscard]] Json envelope(Json choices) const {
    Json json{{"id", id_},
              {"object", "text_completion"},
              {"created", created_},
              {"model", model_->name},
              {"system_fingerprint", kFingerprint},
              {"choices", std::move(choices)}};
    if (plan_.stream && plan_.include_usage) json["usage"] = nullptr;
    return json;
  }

  void send(size_t prompt, uint32_t index, std::string_view text, Json finish) {
    Json logprobs;
    if (plan_.logprobs) logprobs = answers_[prompt][index].lists.take();
    const Json choice{{"text", text},
                      {"index", prompt * plan_.n + index},
                      {"logprobs", std::move(logprobs)},
                      {"finish_reason", std::move(finish)}};
    stream_.json(envelope(Json::array({choice})));
  }

  void respond() {
    Json choices = Json::array();
    for (auto& answers : answers_) {
      std::vector<size_t> order(answers.size());
      std::iota(order.begin(), order.end(), size_t{0});
      const auto mean = [&](size_t i) {
        return answers[i].logprob_sum / static_cast<double>(std::max<size_t>(answers[i].n_tokens, 1));
      };
      if (plan_.n_answers > plan_.n) std::ranges::stable_sort(order, std::greater{}, mean);
      for (size_t i = 0; i < plan_.n; i++) {
        Answer& answer = answers[order[i]];
        Json logprobs;
        if (plan_.logprobs) logprobs = answer.lists.take();
        choices.push_back({{"text", answer.text},
                           {"index", choices.size()},
                           {"logprobs", std::move(logprobs)},
                           {"finish_reason", finish_reason(answer.finish)}});
      }
    }
    Json json = envelope(std::move(choices));
    json["usage"] = usage_json(usage_);
    stream_.exchange()->respond(json_response(json));
  }

  std::mutex mutex_;
  EventStream stream_;
  ModelHost::Lease model_;
  Plan plan_;
  std::string id_ = random_id("cmpl-");
  int64_t created_ = unix_seconds();
  std::vector<std::vector<Answer>> answers_;                // by prompt
  std::vector<std::vector<engine::TokenLogprobs>> scores_;  // of the prompts' tokens
  engine::Usage usage_;
  size_t n_open_ = 0;
  bool failed_ = false;
};

engine::Listener Run::listener(const std::shared_ptr<Run>& self, size_t prompt) {
  engine::Listener listener;
  if (plan_.stream) {
    listener.on_prompt = [self](size_t, size_t) {
      const std::lock_guard lock(self->mutex_);
      if (!self->failed_) self->stream_.begin();
    };
  }
  listener.on_prompt_logprobs = [self, prompt](size_t, std::span<const engine::TokenLogprobs> scores) {
    auto& all = self->scores_[prompt];
    all.insert(all.end(), scores.begin(), scores.end());
  };
  listener.on_token = [self, prompt](const engine::TokenEvent& event) { self->on_token(prompt, event); };
  listener.on_answer = [self, prompt](uint32_t index, const engine::Generated& generated) {
    self->on_answer(prompt, index, generated);
  };
  listener.on_done = [self](const Result<engine::Answered>& result) { self->on_done(result); };
  return listener;
}

Status Run::start(const std::shared_ptr<Run>& run) {
  std::vector<Submission> submissions;
  for (size_t i = 0; i < run->plan_.requests.size(); i++)
    submissions.push_back({std::move(run->plan_.requests[i]), run->listener(run, i)});
  const Status status = submit_all(run->model_, std::move(submissions), run->stream_.exchange());
  if (!status.ok()) {
    const std::lock_guard lock(run->mutex_);
    run->fail(status.error());
  }
  return {};
}

Result<Plan> read_plan(const Fields& fields, const HostedModel& model, const GenerationDefaults& defaults,
                       const Request& request) {
  Plan plan;
  plan.stream = fields.boolean("stream", false);
  plan.echo = fields.boolean("echo", false);
  plan.logprobs = fields.has("logprobs");
  plan.n = static_cast<uint32_t>(fields.integer("n", 1));
  plan.n_answers = static_cast<uint32_t>(fields.integer("best_of", plan.n));
  if (plan.n_answers < plan.n) return invalid_input("$.best_of: must be at least n");
  if (plan.n_answers > plan.n && plan.stream) return invalid_input("$.best_of: excludes stream");
  QUIPU_TRY(plan.include_usage, read_include_usage(fields));
  GenerationDefaults own = defaults;
  if (own.n_predict == -1) own.n_predict = kDefaultTokens;
  QUIPU_TRY(engine::Request base, read_generation(fields, model, own, request));
  base.options.n_predict = fields.integer("max_tokens", base.options.n_predict);
  base.n_answers = plan.n_answers;
  base.logprobs = plan.logprobs || plan.n_answers > plan.n;
  base.n_top_logprobs = static_cast<uint32_t>(fields.integer("logprobs", 0));
  if (plan.echo && plan.logprobs) {
    base.prompt_logprobs_begin = 0;
    // Who scores a prompt asks for one token and counts on it: it is told even if it is the one that ends an answer.
    if (base.options.n_predict == 1) base.options.ignore_end = true;
  }
  if (fields.has("suffix")) {
    if (!fields.find("prompt")->is_string()) return invalid_input("$.suffix: needs a prompt that is a text");
    QUIPU_TRY(Prompt prompt, fill_in_middle(model, fields.text("prompt"), fields.text("suffix"), "$.suffix"));
    plan.prompts.push_back(std::move(prompt));
  } else {
    QUIPU_TRY(plan.prompts, read_prompts(*fields.find("prompt"), model, "$.prompt"));
  }
  if (plan.prompts.size() * plan.n_answers > kMostAnswers)
    return error_of(ErrorKind::limit_exceeded, "$.prompt: all prompts together want more than {} answers",
                    kMostAnswers);
  for (const Prompt& prompt : plan.prompts) {
    plan.requests.push_back(base);
    plan.requests.back().prompt = prompt.tokens;
  }
  return plan;
}

}  // namespace

const Table& completions_fields() {
  static const Table table = make_completions_fields();
  return table;
}

Status completions(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(Plan plan, read_plan(*fields, *model, call.service.options.defaults, call.request()));
  return Run::start(std::make_shared<Run>(call.exchange, model, std::move(plan)));
}

}  // namespace quipu::server
