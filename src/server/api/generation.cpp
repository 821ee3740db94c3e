#include "server/api/generation.h"

#include <charconv>
#include <chrono>
#include <cmath>

#include "base/random.h"
#include "sample/settings.h"

namespace quipu::server {
namespace {

// Each piece of text is searched for every stop text: the product bounds the time.
constexpr size_t kMostStops = 64, kMostStopBytes = 1024;
constexpr size_t kMostBiases = 10000;

Field setting_field(const sample::Setting& setting) {
  Field field;
  field.name = std::string(setting.name);
  const bool is_float = std::holds_alternative<float sample::SamplingParams::*>(setting.field);
  field.kind = is_float ? FieldKind::number : FieldKind::integer;
  field.help = std::string(setting.help);
  // What a float holds, where the setting itself has no limit.
  constexpr double kLargest = 3.4e38;
  field.least = std::max(setting.least, -kLargest);
  field.most = std::min(setting.most, kLargest);
  if (setting.name == "seed") {
    field.least = static_cast<double>(INT64_MIN);
    field.most = static_cast<double>(UINT64_MAX);
  }
  return field;
}

Table make_generation_fields() {
  Table table;
  for (const sample::Setting& setting : sample::settings()) table.push_back(setting_field(setting));
  const Table more{
      {.name = "samplers",
       .kind = FieldKind::list,
       .help = "the stages of sampling, in their order",
       .schema = R"({"type":["array","null"],"items":{"type":"string"}})"},
      {.name = "dry_sequence_breakers",
       .kind = FieldKind::list,
       .help = "texts that end a repeated sequence (DRY)",
       .schema = R"({"type":["array","null"],"items":{"type":"string"}})"},
      {.name = "logit_bias",
       .kind = FieldKind::any,
       .help = "what is added to the logits of tokens, -100 or false forbids: {\"id\": bias} or [[id or text, bias]]"},
      {.name = "stop", .kind = FieldKind::texts, .help = "texts that end the answer and are not part of it"},
      {.name = "ignore_eos", .kind = FieldKind::boolean, .help = "goes on past the model's end of an answer"},
      {.name = "grammar", .kind = FieldKind::text, .help = "the answer is a text of this grammar (GBNF)"},
      {.name = "json_schema",
       .kind = FieldKind::any,
       .help = "the answer is a JSON text that this schema allows",
       .schema = R"({"type":["object","boolean","null"]})"},
      {.name = "response_format",
       .kind = FieldKind::object,
       .help = "{\"type\": \"text\"}, \"json_object\", or \"json_schema\" with the schema",
       .schema =
           R"({"type":["object","null"],"required":["type"],"properties":{"type":{"enum":["text","json_object","json_schema"]}}})"},
      {.name = "stream", .kind = FieldKind::boolean, .help = "server-sent events instead of one answer"},
      {.name = "user", .kind = FieldKind::text, .help = "whose request it is: users get their turns evenly"},
      {.name = "priority",
       .kind = FieldKind::integer,
       .help = "of this client's requests, higher ones come first",
       .least = -8,
       .most = 8},
      {.name = "deadline_ms",
       .kind = FieldKind::number,
       .help = "the answer ends after so long, counted from now",
       .least = 1,
       .most = 1e9},
      {.name = "cache_prompt",
       .kind = FieldKind::boolean,
       .help = "false: the prompt is computed whole; else not what is known of its beginning"},
  };
  table.insert(table.end(), more.begin(), more.end());
  return table;
}

Status read_settings(const Fields& fields, sample::SamplingParams& sampling) {
  for (const sample::Setting& setting : sample::settings()) {
    const Json* value = fields.find(setting.name);
    if (value == nullptr) continue;
    const Status status =
        setting.name == "seed"
            ? sample::set_text(sampling, setting,
                               value->is_number_float() ? fmt::format("{:.0f}", value->get<double>()) : value->dump())
            : sample::set_number(sampling, setting, value->get<double>());
    if (!status.ok()) return status.error().within("$." + std::string(setting.name));
  }
  return {};
}

Result<std::vector<std::string>> text_list(const Fields& fields, std::string_view name) {
  std::vector<std::string> texts;
  for (const Json& text : *fields.find(name)) {
    if (!text.is_string()) return invalid_input("$.{}: must be a list of texts", name);
    texts.push_back(text.get<std::string>());
  }
  return texts;
}

// -100 bans, as in OpenAI's API, and so does `false`, as in llama.cpp's.
Result<float> bias_of(const Json& value, const std::string& path) {
  if (value.is_boolean() && !value.get<bool>()) return -std::numeric_limits<float>::infinity();
  if (!value.is_number() || !(std::abs(value.get<double>()) <= 1e30))
    return invalid_input("{}: must be a number, or false", path);
  const double number = value.get<double>();
  return number <= -100 ? -std::numeric_limits<float>::infinity() : static_cast<float>(number);
}

Status read_logit_bias(const Json& bias, const HostedModel& model, sample::SamplingParams& sampling) {
  const auto add = [&](const Json& id, const Json& value, const std::string& path) -> Status {
    QUIPU_TRY(const float number, bias_of(value, path));
    if (id.is_string()) {
      for (const engine::Token token : model.model->tokenizer().encode(id.get<std::string>(), {}))
        sampling.logit_bias.emplace_back(token, number);
      return {};
    }
    const auto token = token_of(id, model);
    if (!token) return invalid_input("{}: tokens have ids from 0 to {}", path, model.model->tokenizer().n_vocab() - 1);
    sampling.logit_bias.emplace_back(*token, number);
    return {};
  };
  if (bias.size() > kMostBiases)
    return error_of(ErrorKind::limit_exceeded, "$.logit_bias: has more than {} entries", kMostBiases);
  if (bias.is_object()) {
    for (const auto& [key, value] : bias.items()) {
      const std::string path = fmt::format("$.logit_bias.{}", key.substr(0, 64));
      int64_t id = -1;
      const auto [end, code] = std::from_chars(key.data(), key.data() + key.size(), id);
      if (code != std::errc() || end != key.data() + key.size()) return invalid_input("{}: is no token id", path);
      QUIPU_CHECK_OK(add(id, value, path));
    }
    return {};
  }
  if (!bias.is_array()) return invalid_input("$.logit_bias: must be an object or a list");
  for (size_t i = 0; i < bias.size(); i++) {
    const std::string path = fmt::format("$.logit_bias[{}]", i);
    if (!bias[i].is_array() || bias[i].size() != 2) return invalid_input("{}: must be a pair of token and bias", path);
    QUIPU_CHECK_OK(add(bias[i][0], bias[i][1], path));
  }
  return {};
}

Status read_stop(const Fields& fields, engine::GenerateOptions& options) {
  options.stop = fields.texts("stop");
  std::erase(options.stop, "");
  if (options.stop.size() > kMostStops)
    return error_of(ErrorKind::limit_exceeded, "$.stop: has more than {} texts", kMostStops);
  for (const std::string& text : options.stop) {
    if (text.size() > kMostStopBytes)
      return error_of(ErrorKind::limit_exceeded, "$.stop: a text has more than {} bytes", kMostStopBytes);
  }
  return {};
}

// The schema of `response_format`, or nothing for text.
Result<std::optional<Json>> response_schema(const Fields& fields) {
  const Json* format = fields.find("response_format");
  if (format == nullptr) return std::optional<Json>();
  static const Table kTable{
      {.name = "type", .kind = FieldKind::text, .required = true, .choices = {"text", "json_object", "json_schema"}},
      {.name = "json_schema", .kind = FieldKind::object},
      {.name = "schema", .kind = FieldKind::object},
      {.name = "strict", .kind = FieldKind::boolean}};
  QUIPU_TRY(const Fields parts, Fields::of(kTable, *format, "$.response_format"));
  const std::string type = parts.text("type");
  if (type == "text") return std::optional<Json>();
  if (type == "json_object") {
    const Json* schema = parts.find("schema");
    return std::optional(schema != nullptr ? *schema : Json{{"type", "object"}});
  }
  const Json* outer = parts.find("json_schema");
  if (outer == nullptr) return invalid_input("$.response_format.json_schema: is missing");
  static const Table kInner{{.name = "name", .kind = FieldKind::text},
                            {.name = "description", .kind = FieldKind::text},
                            {.name = "schema", .kind = FieldKind::any},
                            {.name = "strict", .kind = FieldKind::boolean}};
  QUIPU_TRY(const Fields inner, Fields::of(kInner, *outer, "$.response_format.json_schema"));
  const Json* schema = inner.find("schema");
  if (schema == nullptr) return invalid_input("$.response_format.json_schema.schema: is missing");
  return std::optional(*schema);
}

Status read_grammar(const Fields& fields, const HostedModel& model, engine::GenerateOptions& options) {
  QUIPU_TRY(const auto response, response_schema(fields));
  const Json* schema = fields.find("json_schema");
  const std::string gbnf = fields.text("grammar");
  const int n_given = (response ? 1 : 0) + (schema != nullptr ? 1 : 0) + (gbnf.empty() ? 0 : 1);
  if (n_given > 1) return invalid_input("$.grammar: grammar, json_schema and response_format exclude each other");
  if (response) {
    const bool inner = (*fields.find("response_format"))["type"] == "json_schema";
    QUIPU_TRY(
        options.grammar,
        compiled_schema(model, *response, inner ? "$.response_format.json_schema.schema" : "$.response_format.schema"));
  } else if (schema != nullptr) {
    QUIPU_TRY(options.grammar, compiled_schema(model, *schema, "$.json_schema"));
  } else if (!gbnf.empty()) {
    QUIPU_TRY(options.grammar, compiled_gbnf(model, gbnf, "$.grammar"));
  }
  return {};
}

}  // namespace

const Table& generation_fields() {
  static const Table table = make_generation_fields();
  return table;
}

const Table& llama_fields() {
  static const Table table{
      {.name = "n_keep", .only = {"0", "-1"}}, {.name = "n_discard", .only = {"0"}},
      {.name = "n_indent", .only = {"0"}},     {.name = "id_slot", .help = "the server chooses", .only = {"-1"}},
      {.name = "lora", .only = {"[]"}},        {.name = "penalize_nl", .only = {"false"}},
  };
  return table;
}

Result<std::shared_ptr<grammar::MaskCache>> compiled_schema(const HostedModel& model, const Json& schema,
                                                            const std::string& path) {
  return model.grammars.get("s" + json_text(schema), [&]() -> Result<std::shared_ptr<grammar::MaskCache>> {
    auto grammar = grammar::Grammar::from_json_schema(schema);
    if (!grammar.ok()) return grammar.error().within(path);
    return model.model->compile(std::move(*grammar));
  });
}

Result<std::shared_ptr<grammar::MaskCache>> compiled_gbnf(const HostedModel& model, const std::string& text,
                                                          const std::string& path) {
  return model.grammars.get("g" + text, [&]() -> Result<std::shared_ptr<grammar::MaskCache>> {
    auto grammar = grammar::Grammar::from_gbnf(text);
    if (!grammar.ok()) return grammar.error().within(path);
    return model.model->compile(std::move(*grammar));
  });
}

std::optional<engine::Token> token_of(const Json& id, const HostedModel& model) {
  if (!id.is_number_integer() || id.get<int64_t>() < 0 || id.get<int64_t>() >= model.model->tokenizer().n_vocab())
    return std::nullopt;
  return id.get<engine::Token>();
}

Result<std::vector<engine::Token>> tokens_of(const Json& list, const HostedModel& model, const std::string& path) {
  std::vector<engine::Token> tokens;
  tokens.reserve(list.size());
  for (size_t i = 0; i < list.size(); i++) {
    const auto token = token_of(list[i], model);
    if (!token) {
      return invalid_input("{}[{}]: must be a token id from 0 to {}", path, i, model.model->tokenizer().n_vocab() - 1);
    }
    tokens.push_back(*token);
  }
  return tokens;
}

Result<engine::Request> read_generation(const Fields& fields, const HostedModel& model,
                                        const GenerationDefaults& defaults, const Request& request) {
  engine::Request out;
  engine::GenerateOptions& options = out.options;
  options.sampling = defaults.sampling;
  options.n_predict = defaults.n_predict;
  QUIPU_CHECK_OK(read_settings(fields, options.sampling));
  if (fields.has("samplers")) {
    QUIPU_TRY(options.sampling.order, text_list(fields, "samplers"));
  }
  if (fields.has("dry_sequence_breakers")) {
    QUIPU_TRY(options.sampling.dry_sequence_breakers, text_list(fields, "dry_sequence_breakers"));
  }
  if (const Json* bias = fields.find("logit_bias")) QUIPU_CHECK_OK(read_logit_bias(*bias, model, options.sampling));
  QUIPU_CHECK_OK(read_stop(fields, options));
  options.ignore_end = fields.boolean("ignore_eos", false);
  QUIPU_CHECK_OK(read_grammar(fields, model, options));
  if (const Status status = sample::validate(options.sampling, model.model->tokenizer().n_vocab()); !status.ok()) {
    // The message begins with the setting's name; "order" is called "samplers" here.
    const std::string& message = status.error().message;
    const std::string first = message.substr(0, message.find_first_of(" ["));
    return status.error().within(first == "order" ? "$.samplers" : "$." + first);
  }
  out.client = fields.text("user", request.peer);
  out.priority = static_cast<int32_t>(fields.integer("priority", 0));
  out.timeout_ms = fields.number("deadline_ms", out.timeout_ms);
  out.reuse_prefix = fields.boolean("cache_prompt", true);
  return out;
}

std::string_view finish_reason(engine::Finish finish) {
  switch (finish) {
    case engine::Finish::end:
    case engine::Finish::stop_text:
      return "stop";
    default:
      return "length";
  }
}

std::string stop_text_of(const engine::Generated& generated, const engine::GenerateOptions& options,
                         const HostedModel& model) {
  if (generated.finish != engine::Finish::stop_text) return {};
  const std::string text = model.model->tokenizer().decode(generated.tokens, options.show_special);
  size_t earliest = std::string::npos;
  std::string found;
  for (const std::string& stop : options.stop) {
    const size_t at = text.find(stop);
    if (at >= earliest) continue;
    earliest = at;
    found = stop;
  }
  return found;
}

Json usage_json(const engine::Usage& usage) {
  return {{"prompt_tokens", usage.n_prompt},
          {"completion_tokens", usage.n_generated},
          {"total_tokens", usage.n_prompt + usage.n_generated},
          {"prompt_tokens_details", {{"cached_tokens", usage.n_cached}}}};
}

int64_t unix_seconds() {
  return std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
}

std::string random_id(std::string_view prefix) {
  return fmt::format("{}{:016x}{:08x}", prefix, random_seed(), static_cast<uint32_t>(random_seed()));
}

}  // namespace quipu::server
