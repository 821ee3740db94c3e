// /health, /props, /slots, /metrics.
#include <algorithm>
#include <charconv>
#include <filesystem>

#include "platform/platform.h"
#include "server/api/endpoints.h"
#include "server/tools/tool_format.h"

namespace quipu::server {
namespace {

// Text in Prometheus' exposition format.
class Page {
 public:
  void metric(std::string_view name, const char* type, const char* help, double value, std::string_view labels = "") {
    head(name, type, help);
    fmt::format_to(std::back_inserter(text_), "{}{} {}\n", name, labels, value);
  }
  void histogram(std::string_view name, const char* help, const std::string& label, const engine::Histogram& h) {
    head(name, "histogram", help);
    uint64_t below = 0;
    for (size_t i = 0; i < engine::Histogram::kBounds_s.size(); i++) {
      below += h.counts[i];
      fmt::format_to(std::back_inserter(text_), "{}_bucket{{{},le=\"{}\"}} {}\n", name, label,
                     engine::Histogram::kBounds_s[i], below);
    }
    fmt::format_to(std::back_inserter(text_), "{}_bucket{{{},le=\"+Inf\"}} {}\n", name, label, h.count);
    fmt::format_to(std::back_inserter(text_), "{}_sum{{{}}} {}\n{}_count{{{}}} {}\n", name, label, h.sum_s, name, label,
                   h.count);
  }
  [[nodiscard]] const std::string& text() const { return text_; }

 private:
  // Once for each name, though several models use it.
  void head(std::string_view name, const char* type, const char* help) {
    if (text_.find(fmt::format("# TYPE {} ", name)) != std::string::npos) return;
    fmt::format_to(std::back_inserter(text_), "# HELP {} {}\n# TYPE {} {}\n", name, help, name, type);
  }
  std::string text_;
};

std::string label_of(const std::string& model) {
  std::string escaped;
  for (const char c : model) {
    if (c == '\\' || c == '"') escaped += '\\';
    escaped += c == '\n' ? ' ' : c;
  }
  return fmt::format("model=\"{}\"", escaped);
}

struct Metric {
  const char* name;
  bool is_llama_cpp;  // has it under the same name
  const char* type;
  const char* help;
  double (*value)(const engine::SchedulerStats&);
};

double share(uint64_t part, uint64_t whole) {
  return whole > 0 ? static_cast<double>(part) / static_cast<double>(whole) : 0.0;
}
double rate(uint64_t n, double seconds) {
  return seconds > 0 ? static_cast<double>(n) / seconds : 0.0;
}

using Stats = engine::SchedulerStats;
constexpr Metric kMetrics[]{
    {"prompt_tokens_total", true, "counter", "Tokens of prompts that were computed.",
     [](const Stats& s) { return static_cast<double>(s.n_prompt_tokens - s.n_cached_tokens); }},
    {"prompt_seconds_total", true, "counter", "Time spent on prompts.", [](const Stats& s) { return s.prompt_s; }},
    {"tokens_predicted_total", true, "counter", "Tokens of answers.",
     [](const Stats& s) { return static_cast<double>(s.n_generated_tokens); }},
    {"tokens_predicted_seconds_total", true, "counter", "Time spent on answers.",
     [](const Stats& s) { return s.generation_s; }},
    {"n_decode_total", true, "counter", "Steps of the engine.",
     [](const Stats& s) { return static_cast<double>(s.n_steps); }},
    {"n_busy_slots_per_decode", true, "gauge", "Tokens of a step, on average.",
     [](const Stats& s) { return share(s.n_step_tokens, s.n_steps); }},
    {"prompt_tokens_seconds", true, "gauge", "Tokens of prompts per second of work on them.",
     [](const Stats& s) { return rate(s.n_prompt_tokens - s.n_cached_tokens, s.prompt_s); }},
    {"predicted_tokens_seconds", true, "gauge", "Tokens of answers per second of work on them.",
     [](const Stats& s) { return rate(s.n_generated_tokens, s.generation_s); }},
    {"requests_processing", true, "gauge", "Answers that are computed now.",
     [](const Stats& s) { return static_cast<double>(s.n_running); }},
    {"requests_deferred", true, "gauge", "Answers that wait.",
     [](const Stats& s) { return static_cast<double>(s.n_waiting); }},
    {"kv_cache_usage_ratio", true, "gauge", "Share of the KV cache's pages in use.",
     [](const Stats& s) { return share(s.n_pages_used, s.n_pages); }},
    {"kv_cache_tokens", true, "gauge", "Room of the pages in use, in tokens.",
     [](const Stats& s) { return static_cast<double>(s.n_pages_used * s.page_tokens); }},
    {"requests_total", false, "counter", "Requests that were accepted.",
     [](const Stats& s) { return static_cast<double>(s.n_requests); }},
    {"requests_rejected_total", false, "counter", "Requests refused because the queue was full.",
     [](const Stats& s) { return static_cast<double>(s.n_rejected); }},
    {"requests_cancelled_total", false, "counter", "Requests whose client left.",
     [](const Stats& s) { return static_cast<double>(s.n_cancelled); }},
    {"requests_deadline_total", false, "counter", "Requests whose time was over.",
     [](const Stats& s) { return static_cast<double>(s.n_deadline); }},
    {"requests_failed_total", false, "counter", "Requests that ended with an error.",
     [](const Stats& s) { return static_cast<double>(s.n_failed); }},
    {"preemptions_total", false, "counter", "Answers that gave way to others.",
     [](const Stats& s) { return static_cast<double>(s.n_preemptions); }},
    {"cached_tokens_total", false, "counter", "Tokens of prompts that were found in the cache.",
     [](const Stats& s) { return static_cast<double>(s.n_cached_tokens); }},
    {"prefix_lookups_total", false, "counter", "Prompts that were looked for in the cache.",
     [](const Stats& s) { return static_cast<double>(s.n_prefix_lookups); }},
    {"prefix_hits_total", false, "counter", "Prompts of which something was found.",
     [](const Stats& s) { return static_cast<double>(s.n_prefix_hits); }},
    {"kv_pages", false, "gauge", "Pages of the KV cache.",
     [](const Stats& s) { return static_cast<double>(s.n_pages); }},
    {"kv_pages_used", false, "gauge", "Pages in use.",
     [](const Stats& s) { return static_cast<double>(s.n_pages_used); }},
    {"kv_pages_cached", false, "gauge", "Pages that no answer uses, kept for prompts to come.",
     [](const Stats& s) { return static_cast<double>(s.n_pages_cached); }},
};

}  // namespace

Status health(Call& call, const Fields*) {
  if (call.service.host.ready()) {
    call.respond({{"status", "ok"}});
  } else {
    // A model that is loaded when first asked for is as good as there.
    call.respond({{"status", "ok"}, {"model", "not loaded yet"}});
  }
  return {};
}

Status metrics(Call& call, const Fields*) {
  if (!call.service.options.metrics) return error_of(ErrorKind::not_found, "the server was started without --metrics");
  Page page;
  const auto& http = call.service.http;
  page.metric("quipu:http_requests_total", "counter", "Requests over HTTP.", static_cast<double>(http.n_requests));
  page.metric("quipu:http_errors_total", "counter", "Answers with a status of 400 to 499.",
              static_cast<double>(http.n_errors));
  page.metric("quipu:http_server_errors_total", "counter", "Answers with a status of 500 and above.",
              static_cast<double>(http.n_server_errors));
  page.metric("quipu:http_connections", "gauge", "Open connections.",
              static_cast<double>(call.service.n_connections()));
  page.metric("quipu:peak_resident_bytes", "gauge", "Most memory that the process has had.",
              static_cast<double>(platform::peak_resident_bytes()));
  struct Seen {
    std::string label;
    Stats stats;
  };
  std::vector<Seen> seen;
  for (const auto& model : call.service.host.loaded())
    seen.push_back({label_of(model->name), model->scheduler->stats()});
  for (const Metric& metric : kMetrics) {
    for (const Seen& model : seen) {
      const double value = metric.value(model.stats);
      page.metric(fmt::format("quipu:{}", metric.name), metric.type, metric.help, value, "{" + model.label + "}");
      // llama.cpp has one model, and no labels: those of the first model.
      if (metric.is_llama_cpp && &model == &seen.front())
        page.metric(fmt::format("llamacpp:{}", metric.name), metric.type, metric.help, value);
    }
  }
  for (const auto& [label, stats] : seen) {
    page.histogram("quipu:queue_seconds", "Time that requests waited.", label, stats.queue);
    page.histogram("quipu:first_token_seconds", "Time until the first token.", label, stats.first_token);
    page.histogram("quipu:between_tokens_seconds", "Time between tokens of an answer.", label, stats.between_tokens);
    page.histogram("quipu:request_seconds", "Time of whole requests.", label, stats.total);
  }
  call.exchange->respond({200, "text/plain; version=0.0.4; charset=utf-8", page.text(), {}});
  return {};
}

Status props(Call& call, const Fields*) {
  QUIPU_TRY(const auto model, call.service.host.acquire(""));
  const auto& tokenizer = model->model->tokenizer();
  const auto text_of = [&](std::optional<engine::Token> token) {
    return token ? std::string(tokenizer.bytes(*token, true)) : std::string();
  };
  call.respond({{"default_generation_settings", {{"n_ctx", model->engine->n_ctx()}, {"id", 0}}},
                {"total_slots", model->scheduler->options().n_parallel},
                {"model_alias", model->name},
                {"chat_template", model->model->chat_template_text()},
                {"tool_format", tool_format_name(detect_tool_format(model->model->chat_template_text()))},
                {"bos_token", text_of(tokenizer.bos())},
                {"eos_token", text_of(tokenizer.eos())},
                {"modalities", {{"vision", false}, {"audio", false}}},
                {"build_info", kFingerprint},
                {"isa", model->engine->isa()},
                {"n_threads", model->engine->n_threads()},
                {"is_sleeping", false}});
  return {};
}

Status slots(Call& call, const Fields*) {
  QUIPU_TRY(const auto model, call.service.host.acquire(""));
  Json list = Json::array();
  for (const engine::Slot& slot : model->scheduler->slots()) {
    list.push_back({{"id", slot.id},
                    {"id_task", slot.request},
                    {"n_ctx", model->engine->n_ctx()},
                    {"is_processing", slot.busy},
                    {"n_prompt_tokens", slot.n_prompt},
                    {"n_prompt_tokens_cache", slot.n_cached},
                    {"n_prompt_tokens_processed", slot.n_computed},
                    {"n_decoded", slot.n_generated}});
  }
  call.respond(list);
  return {};
}

const Table& slot_action_fields() {
  static const Table table{{.name = "filename", .kind = FieldKind::text, .help = "in the folder of --slot-save-path"},
                           {.name = "model", .kind = FieldKind::text}};
  return table;
}

Status slot_action(Call& call, const Fields* fields) {
  std::string action;
  for (const auto& [name, value] : call.request().query) {
    if (name == "action") action = value;
  }
  uint32_t slot = 0;
  const auto [end, code] = std::from_chars(call.tail.data(), call.tail.data() + call.tail.size(), slot);
  if (call.tail.empty() || code != std::errc() || end != call.tail.data() + call.tail.size())
    return error_of(ErrorKind::not_found, "there is no slot '{}'", call.tail.substr(0, 64));
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  if (action == "erase") {
    QUIPU_TRY(const size_t n, model->scheduler->erase_slot(slot));
    call.respond({{"id_slot", slot}, {"n_erased", n}});
    return {};
  }
  if (action != "save" && action != "restore")
    return invalid_input("the query's 'action' must be 'save', 'restore' or 'erase'");
  if (call.service.options.slot_folder.empty())
    return error_of(ErrorKind::unsupported, "the server was started without --slot-save-path");
  const std::string name = fields->text("filename");
  // A plain name in that folder, nothing else.
  const auto allowed = [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' || c == '-' ||
           c == '.';
  };
  if (name.empty() || name.size() > 128 || name.front() == '.' || !std::ranges::all_of(name, allowed))
    return invalid_input("$.filename: must be 1 to 128 letters, digits, '_', '-' or '.', the first one no '.'");
  const auto path = std::filesystem::path(call.service.options.slot_folder) / name;
  if (action == "save") {
    QUIPU_TRY(const size_t n, model->scheduler->save_slot(slot, path));
    call.respond({{"id_slot", slot}, {"filename", name}, {"n_saved", n}});
  } else {
    QUIPU_TRY(const size_t n, model->scheduler->restore_slot(slot, path));
    call.respond({{"id_slot", slot}, {"filename", name}, {"n_restored", n}});
  }
  return {};
}

}  // namespace quipu::server
