// llama.cpp's /completion and /infill.
#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "server/api/prompts.h"
#include "server/service/event_stream.h"

namespace quipu::server {
namespace {

Table common_fields() {
  const Table own{
      {.name = "model", .kind = FieldKind::text},
      {.name = "n_predict",
       .kind = FieldKind::integer,
       .help = "of the answer; -1: until the model ends it",
       .least = -2,
       .most = INT32_MAX},
      {.name = "max_tokens", .kind = FieldKind::integer, .help = "the same", .least = -1, .most = INT32_MAX},
      {.name = "n_probs",
       .kind = FieldKind::integer,
       .help = "so many of the likeliest tokens at each place",
       .least = 0,
       .most = 100},
      {.name = "post_sampling_probs", .only = {"false"}},
      {.name = "return_tokens", .kind = FieldKind::boolean, .help = "the ids of the answer's tokens, too"},
      {.name = "timings_per_token", .only = {"false"}},
      {.name = "t_max_predict_ms", .kind = FieldKind::number, .help = "as deadline_ms", .least = 1, .most = 1e9},
      {.name = "response_fields", .only = {"null"}},
  };
  return joined({own, generation_fields(), llama_fields()});
}

// One answer in llama.cpp's words.
class Run {
 public:
  Run(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, const Fields& fields, std::string prompt,
      engine::GenerateOptions options)
      : stream_(std::move(exchange)),
        model_(std::move(model)),
        prompt_(std::move(prompt)),
        options_(std::move(options)),
        streams_(fields.boolean("stream", false)),
        tells_tokens_(fields.boolean("return_tokens", false)),
        scored_(fields.integer("n_probs", 0) > 0) {}

  void on_token(const engine::TokenEvent& event) {
    if (event.token) {
      tokens_.push_back(*event.token);
      if (scored_) scores_.push_back({*event.token, *event.logprobs});
    }
    if (!streams_) {
      text_ += event.text;
      return;
    }
    if (event.text.empty() && scores_.empty()) return;
    Json piece{
        {"index", 0},    {"content", event.text}, {"tokens", event.token ? Json::array({*event.token}) : Json::array()},
        {"stop", false}, {"id_slot", -1},         {"tokens_predicted", tokens_.size()}};
    if (scored_) piece["completion_probabilities"] = take_scores();
    stream_.json(piece);
  }

  void on_done(const Result<engine::Answered>& result) {
    if (!result.ok()) return stream_.fail(result.error());
    const Json last = final_json(*result);
    if (!streams_) return stream_.exchange()->respond(json_response(last));
    stream_.json(last);
    stream_.end();
  }

  void start_stream() {
    if (streams_) stream_.begin();
  }

 private:
  Json take_scores() {
    Json list = Json::array();
    for (const ScoredToken& scored : scores_) {
      const auto entry = [&](engine::Token token, float logprob) {
        const std::string text = token_text(*model_, token);
        Json bytes = Json::array();
        for (const char c : text) bytes.push_back(static_cast<unsigned char>(c));
        return Json{{"id", token}, {"token", text}, {"bytes", bytes}, {"logprob", logprob}};
      };
      Json one = entry(scored.token, scored.logprobs.logprob);
      one["top_logprobs"] = Json::array();
      for (const auto& top : scored.logprobs.top) one["top_logprobs"].push_back(entry(top.id, top.logprob));
      list.push_back(std::move(one));
    }
    scores_.clear();
    return list;
  }

  Json final_json(const engine::Answered& answered) {
    const engine::Finish finish = answered.answers.empty() ? engine::Finish::cancelled : answered.answers[0].finish;
    const char* stop_type = finish == engine::Finish::end         ? "eos"
                            : finish == engine::Finish::stop_text ? "word"
                            : finish == engine::Finish::cancelled ? "none"
                                                                  : "limit";
    const engine::Usage& usage = answered.usage;
    const auto per_second = [](size_t n, double ms) { return ms > 0 ? 1000.0 * static_cast<double>(n) / ms : 0.0; };
    const size_t n_read = usage.n_prompt - usage.n_cached;
    Json json{{"index", 0},
              {"content", text_},
              {"tokens", tells_tokens_ ? Json(tokens_) : Json::array()},
              {"id_slot", -1},
              {"stop", true},
              {"model", model_->name},
              {"tokens_predicted", tokens_.size()},
              {"tokens_evaluated", usage.n_prompt},
              {"tokens_cached", usage.n_cached},
              {"prompt", prompt_},
              {"truncated", false},
              {"stop_type", stop_type},
              {"stopping_word", answered.answers.empty() ? "" : stop_text_of(answered.answers[0], options_, *model_)},
              {"seed", answered.seed},
              {"timings",
               {{"prompt_n", n_read},
                {"prompt_ms", usage.prompt_ms},
                {"prompt_per_second", per_second(n_read, usage.prompt_ms)},
                {"predicted_n", tokens_.size()},
                {"predicted_ms", usage.generation_ms},
                {"predicted_per_second", per_second(tokens_.size(), usage.generation_ms)}}}};
    if (scored_ && !streams_) json["completion_probabilities"] = take_scores();
    return json;
  }

  EventStream stream_;
  ModelHost::Lease model_;
  std::string prompt_;
  engine::GenerateOptions options_;
  std::string text_;
  std::vector<engine::Token> tokens_;
  std::vector<ScoredToken> scores_;
  bool streams_, tells_tokens_, scored_;
};

Status run(Call& call, const Fields& fields, const ModelHost::Lease& model, Prompt prompt) {
  QUIPU_TRY(engine::Request request, read_generation(fields, *model, call.service.options.defaults, call.request()));
  if (fields.has("n_predict") && fields.has("max_tokens")) return invalid_input("$.max_tokens: excludes n_predict");
  request.options.n_predict = fields.integer("n_predict", fields.integer("max_tokens", request.options.n_predict));
  request.timeout_ms = fields.number("t_max_predict_ms", request.timeout_ms);
  request.n_top_logprobs = static_cast<uint32_t>(fields.integer("n_probs", 0));
  request.logprobs = request.n_top_logprobs > 0;
  request.prompt = std::move(prompt.tokens);
  const auto state = std::make_shared<Run>(call.exchange, model, fields, std::move(prompt.text), request.options);
  engine::Listener listener;
  listener.on_prompt = [state](size_t, size_t) { state->start_stream(); };
  listener.on_token = [state](const engine::TokenEvent& event) { state->on_token(event); };
  listener.on_done = [state](const Result<engine::Answered>& result) { state->on_done(result); };
  return submit(model, std::move(request), std::move(listener), call.exchange);
}

}  // namespace

const Table& completion_fields() {
  static const Table table = joined({{{.name = "prompt",
                                       .help = "a text, or a list of texts and token ids that follow one another",
                                       .required = true,
                                       .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"}},
                                     common_fields()});
  return table;
}

Status completion(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(Prompt prompt, read_mixed_prompt(*fields->find("prompt"), *model, "$.prompt"));
  return run(call, *fields, model, std::move(prompt));
}

const Table& infill_fields() {
  static const Table table =
      joined({{{.name = "input_prefix", .kind = FieldKind::text, .help = "the text before the gap", .required = true},
               {.name = "input_suffix", .kind = FieldKind::text, .help = "the text behind the gap", .required = true},
               {.name = "input_extra", .help = "further files", .only = {"[]"}},
               {.name = "prompt", .kind = FieldKind::text, .help = "comes behind input_prefix"}},
              common_fields()});
  return table;
}

Status infill(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  const std::string prefix = fields->text("input_prefix") + fields->text("prompt");
  QUIPU_TRY(Prompt prompt, fill_in_middle(*model, prefix, fields->text("input_suffix"), "$.input_prefix"));
  return run(call, *fields, model, std::move(prompt));
}

}  // namespace quipu::server
