// POST /v1/embeddings, and llama.cpp's /embedding.
#include <bit>
#include <cmath>
#include <mutex>

#include "server/api/endpoints.h"
#include "server/api/prompts.h"
#include "text/base64.h"

namespace quipu::server {
namespace {

constexpr size_t kMostInputs = 256;

// The first `n` numbers at length 1, as OpenAI shortens embeddings.
std::vector<float> shortened(const std::vector<float>& embedding, size_t n) {
  std::vector<float> out(embedding.begin(), embedding.begin() + static_cast<std::ptrdiff_t>(n));
  double sum = 0;
  for (const float x : out) sum += static_cast<double>(x) * x;
  const double norm = std::sqrt(sum);
  for (float& x : out) x = norm > 0 ? static_cast<float>(x / norm) : 0.0f;
  return out;
}

std::string base64(const std::vector<float>& numbers) {
  std::string bytes;
  for (const float number : numbers) {
    const auto bits = std::bit_cast<uint32_t>(number);
    for (int i = 0; i < 4; i++) bytes += static_cast<char>(bits >> (8 * i) & 0xFF);
  }
  return text::base64(bytes);
}

struct Run {
  std::mutex mutex;
  std::vector<std::vector<float>> embeddings;
  size_t n_open = 0;
  uint64_t n_tokens = 0;
  bool failed = false;
  std::shared_ptr<Exchange> exchange;
  std::function<Json(const Run&)> body;

  // The mutex is held.
  void fail(const Error& error) {
    if (!std::exchange(failed, true)) exchange->respond(error_response(api_error(error)));
  }
};

Status start(const std::shared_ptr<Run>& run, const ModelHost::Lease& model, std::vector<Prompt> prompts,
             const engine::Request& base) {
  run->n_open = prompts.size();
  run->embeddings.resize(prompts.size());
  std::vector<Submission> submissions;
  for (size_t i = 0; i < prompts.size(); i++) {
    engine::Request request = base;
    request.prompt = std::move(prompts[i].tokens);
    engine::Listener listener;
    listener.on_done = [run, i](Result<engine::Answered> result) {
      const std::lock_guard lock(run->mutex);
      run->n_open--;
      if (run->failed) return;
      if (!result.ok()) return run->fail(result.error());
      run->embeddings[i] = std::move(result->embedding);
      run->n_tokens += result->usage.n_prompt;
      // Cancelled, or over the deadline.
      if (run->embeddings[i].empty()) return run->fail(error_of(ErrorKind::cancelled, "the request was given up"));
      if (run->n_open == 0) run->exchange->respond(json_response(run->body(*run)));
    };
    submissions.push_back({std::move(request), std::move(listener)});
  }
  if (const Status status = submit_all(model, std::move(submissions), run->exchange); !status.ok()) {
    const std::lock_guard lock(run->mutex);
    run->fail(status.error());
  }
  return {};
}

engine::Request base_request(const Fields& fields, const Call& call) {
  engine::Request base;
  base.client = fields.text("user", call.request().peer);
  base.embedding = fields.text("pooling", "mean") == "last" ? engine::Pooling::last : engine::Pooling::mean;
  return base;
}

}  // namespace

const Table& embeddings_fields() {
  static const Table table{
      {.name = "model", .kind = FieldKind::text, .help = "which model; with one alone, any name means it"},
      {.name = "input",
       .help = "a text, a list of texts, a list of token ids, or a list of such lists",
       .required = true,
       .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"},
      {.name = "encoding_format",
       .kind = FieldKind::text,
       .help = "numbers, or their bytes (float32) in base64",
       .choices = {"float", "base64"}},
      {.name = "dimensions",
       .kind = FieldKind::integer,
       .help = "keeps so many numbers, scaled to length 1 again",
       .least = 1,
       .most = INT32_MAX},
      {.name = "pooling",
       .kind = FieldKind::text,
       .help = "the mean of all tokens' states, or the last one's",
       .choices = {"mean", "last"}},
      {.name = "user", .kind = FieldKind::text, .help = "whose request it is"}};
  return table;
}

Status embeddings(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(auto prompts, read_prompts(*fields->find("input"), *model, "$.input"));
  if (prompts.size() > kMostInputs)
    return error_of(ErrorKind::limit_exceeded, "$.input: has more than {} texts", kMostInputs);
  const size_t n_embd = model->model->hyperparameters().n_embd;
  const auto n = static_cast<size_t>(fields->integer("dimensions", static_cast<int64_t>(n_embd)));
  if (n > n_embd) return invalid_input("$.dimensions: the model has {}", n_embd);
  auto run = std::make_shared<Run>();
  run->exchange = call.exchange;
  run->body = [name = model->name, n, as_base64 = fields->text("encoding_format") == "base64"](const Run& done) {
    Json data = Json::array();
    for (size_t i = 0; i < done.embeddings.size(); i++) {
      const auto numbers = shortened(done.embeddings[i], n);
      data.push_back(
          {{"object", "embedding"}, {"index", i}, {"embedding", as_base64 ? Json(base64(numbers)) : Json(numbers)}});
    }
    return Json{{"object", "list"},
                {"data", std::move(data)},
                {"model", name},
                {"usage", {{"prompt_tokens", done.n_tokens}, {"total_tokens", done.n_tokens}}}};
  };
  return start(run, model, std::move(prompts), base_request(*fields, call));
}

const Table& embedding_fields() {
  static const Table table{
      {.name = "content",
       .help = "a text, a list of texts, a list of token ids, or a list of such lists",
       .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"},
      {.name = "input", .help = "the same", .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"},
      {.name = "embd_normalize",
       .kind = FieldKind::integer,
       .help = "2: scaled to length 1; -1: as computed",
       .least = -1,
       .most = 2},
      {.name = "pooling", .kind = FieldKind::text, .choices = {"mean", "last"}},
      {.name = "model", .kind = FieldKind::text},
      {.name = "user", .kind = FieldKind::text}};
  return table;
}

Status embedding(Call& call, const Fields* fields) {
  if (fields->has("content") == fields->has("input"))
    return invalid_input("$.content: either content or input must be there");
  const int64_t normalize = fields->integer("embd_normalize", 2);
  if (normalize != 2 && normalize != -1) return error_of(ErrorKind::unsupported, "$.embd_normalize: must be 2 or -1");
  const char* name = fields->has("content") ? "content" : "input";
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(auto prompts, read_prompts(*fields->find(name), *model, std::string("$.") + name));
  if (prompts.size() > kMostInputs)
    return error_of(ErrorKind::limit_exceeded, "$.{}: has more than {} texts", name, kMostInputs);
  auto run = std::make_shared<Run>();
  run->exchange = call.exchange;
  run->body = [normalize](const Run& done) {
    Json list = Json::array();
    for (size_t i = 0; i < done.embeddings.size(); i++) {
      const auto& raw = done.embeddings[i];
      const Json numbers = normalize == 2 ? shortened(raw, raw.size()) : raw;
      list.push_back({{"index", i}, {"embedding", Json::array({numbers})}});
    }
    return list;
  };
  return start(run, model, std::move(prompts), base_request(*fields, call));
}

}  // namespace quipu::server
