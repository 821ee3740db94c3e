// POST /v1/responses: translated to a chat request; nothing is stored.
#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "server/service/event_stream.h"

namespace quipu::server {
namespace {

Table make_responses_fields() {
  Table table{
      {.name = "model", .kind = FieldKind::text, .help = "which model; with one alone, any name means it"},
      {.name = "input",
       .help = "a text, or a list of messages, calls and their results",
       .required = true,
       .schema = R"({"anyOf":[{"type":"string"},{"type":"array"}]})"},
      {.name = "instructions", .kind = FieldKind::text, .help = "the system message"},
      {.name = "max_output_tokens", .kind = FieldKind::integer, .help = "of the answer", .least = 1, .most = INT32_MAX},
      {.name = "tools", .kind = FieldKind::list, .help = "functions that the model may call"},
      {.name = "tool_choice", .help = "none, auto, required, or the function to call"},
      {.name = "parallel_tool_calls", .kind = FieldKind::boolean, .help = "false: one call at most"},
      {.name = "text", .kind = FieldKind::object, .help = "format: text, json_object or json_schema"},
      {.name = "top_logprobs",
       .kind = FieldKind::integer,
       .help = "of the likeliest tokens at each place",
       .least = 0,
       .most = 20},
      {.name = "include", .kind = FieldKind::list, .help = "message.output_text.logprobs: log-probabilities"},
      {.name = "metadata", .kind = FieldKind::object, .help = "comes back with the response"},
      {.name = "safety_identifier", .kind = FieldKind::text, .help = "as user"},
      {.name = "prompt_cache_key", .kind = FieldKind::text, .help = "prompts share what they have in common, always"},
      {.name = "store", .help = "nothing is stored", .only = {"false"}},
      {.name = "previous_response_id", .help = "nothing is stored", .only = {"null"}},
      {.name = "conversation", .help = "nothing is stored", .only = {"null"}},
      {.name = "prompt", .only = {"null"}},
      {.name = "background", .only = {"false"}},
      {.name = "max_tool_calls", .only = {"null"}},
      {.name = "reasoning", .only = {"{}", "{\"effort\":\"none\"}", "{\"effort\":null}"}},
      {.name = "service_tier", .only = {"\"auto\"", "\"default\""}},
      {.name = "truncation", .only = {"\"disabled\""}},
      {.name = "stream_options", .only = {"{}", "{\"include_obfuscation\":false}"}},
      {.name = "prompt_cache_retention", .only = {"\"in_memory\""}}};
  // What says the same in both APIs.
  for (const Field& field : generation_fields()) {
    if (field.name != "response_format" && field.name != "stop") table.push_back(field);
  }
  return table;
}

// Parts of a content become those of a chat message.
Result<Json> content_of(const Json& content, const std::string& path) {
  if (content.is_string()) return content;
  if (!content.is_array()) return invalid_input("{}: must be a text or a list of parts", path);
  Json parts = Json::array();
  for (size_t i = 0; i < content.size(); i++) {
    const std::string at = fmt::format("{}[{}]", path, i);
    const Json& part = content[i];
    if (!part.is_object() || !part.contains("type") || !part["type"].is_string())
      return invalid_input("{}.type: is missing", at);
    const auto type = part["type"].get<std::string>();
    if (type != "input_text" && type != "output_text" && type != "text" && type != "refusal")
      return error_of(ErrorKind::unsupported, "{}.type: is '{}', but this server reads text alone", at,
                      type.substr(0, 64));
    const char* key = type == "refusal" ? "refusal" : "text";
    if (!part.contains(key) || !part[key].is_string()) return invalid_input("{}.{}: must be a text", at, key);
    parts.push_back({{"type", "text"}, {"text", part[key]}});
  }
  return parts;
}

Status add_item(const Json& item, const std::string& path, Json& messages) {
  if (!item.is_object()) return invalid_input("{}: must be an object", path);
  const std::string type =
      item.contains("type") && item["type"].is_string() ? item["type"].get<std::string>() : "message";
  if (type == "message") {
    static const Table kTable{{.name = "type", .kind = FieldKind::text},
                              {.name = "role",
                               .kind = FieldKind::text,
                               .required = true,
                               .choices = {"user", "assistant", "system", "developer"}},
                              {.name = "content", .required = true},
                              {.name = "id", .kind = FieldKind::text},
                              {.name = "phase", .kind = FieldKind::text},
                              {.name = "status", .kind = FieldKind::text}};
    QUIPU_TRY(const Fields fields, Fields::of(kTable, item, path));
    QUIPU_TRY(Json content, content_of(*fields.find("content"), path + ".content"));
    messages.push_back({{"role", fields.text("role")}, {"content", std::move(content)}});
    return {};
  }
  if (type == "function_call") {
    static const Table kTable{{.name = "type", .kind = FieldKind::text},
                              {.name = "call_id", .kind = FieldKind::text, .required = true},
                              {.name = "name", .kind = FieldKind::text, .required = true},
                              {.name = "arguments", .kind = FieldKind::text, .required = true},
                              {.name = "id", .kind = FieldKind::text},
                              {.name = "status", .kind = FieldKind::text}};
    QUIPU_TRY(const Fields fields, Fields::of(kTable, item, path));
    const Json call{{"id", fields.text("call_id")},
                    {"type", "function"},
                    {"function", {{"name", fields.text("name")}, {"arguments", fields.text("arguments")}}}};
    // Calls that follow one another, or a message of the assistant's, are one message.
    if (messages.empty() || messages.back()["role"] != "assistant")
      messages.push_back({{"role", "assistant"}, {"content", nullptr}});
    messages.back()["tool_calls"].push_back(call);
    return {};
  }
  if (type == "function_call_output") {
    static const Table kTable{{.name = "type", .kind = FieldKind::text},
                              {.name = "call_id", .kind = FieldKind::text, .required = true},
                              {.name = "output", .required = true},
                              {.name = "id", .kind = FieldKind::text},
                              {.name = "status", .kind = FieldKind::text}};
    QUIPU_TRY(const Fields fields, Fields::of(kTable, item, path));
    QUIPU_TRY(Json content, content_of(*fields.find("output"), path + ".output"));
    messages.push_back({{"role", "tool"}, {"tool_call_id", fields.text("call_id")}, {"content", std::move(content)}});
    return {};
  }
  return error_of(ErrorKind::unsupported, "{}.type: this server knows no item '{}'", path, type.substr(0, 64));
}

Result<Json> messages_of(const Fields& fields) {
  Json messages = Json::array();
  if (fields.has("instructions")) messages.push_back({{"role", "system"}, {"content", fields.text("instructions")}});
  const Json& input = *fields.find("input");
  if (input.is_string()) {
    messages.push_back({{"role", "user"}, {"content", input}});
    return messages;
  }
  if (!input.is_array() || input.empty()) return invalid_input("$.input: must be a text or a list of items");
  for (size_t i = 0; i < input.size(); i++) QUIPU_CHECK_OK(add_item(input[i], fmt::format("$.input[{}]", i), messages));
  return messages;
}

Result<Json> tools_of(const Json& tools) {
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); i++) {
    const std::string path = fmt::format("$.tools[{}]", i);
    static const Table kTable{{.name = "type", .kind = FieldKind::text, .required = true, .choices = {"function"}},
                              {.name = "name", .kind = FieldKind::text, .required = true},
                              {.name = "description", .kind = FieldKind::text},
                              {.name = "parameters", .kind = FieldKind::object},
                              {.name = "strict", .kind = FieldKind::boolean}};
    QUIPU_TRY([[maybe_unused]] const Fields checked, Fields::of(kTable, tools[i], path));
    Json function = tools[i];
    function.erase("type");
    out.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return out;
}

// `text.format` is flat where chat completions nest it.
Result<std::optional<Json>> format_of(const Json& text) {
  static const Table kTable{{.name = "format", .kind = FieldKind::object},
                            {.name = "verbosity", .only = {"\"medium\""}}};
  QUIPU_TRY(const Fields outer, Fields::of(kTable, text, "$.text"));
  const Json* format = outer.find("format");
  if (format == nullptr) return std::optional<Json>();
  static const Table kFormat{
      {.name = "type", .kind = FieldKind::text, .required = true, .choices = {"text", "json_object", "json_schema"}},
      {.name = "name", .kind = FieldKind::text},
      {.name = "description", .kind = FieldKind::text},
      {.name = "schema", .kind = FieldKind::object},
      {.name = "strict", .kind = FieldKind::boolean}};
  QUIPU_TRY(const Fields fields, Fields::of(kFormat, *format, "$.text.format"));
  if (fields.text("type") != "json_schema") return std::optional(Json{{"type", fields.text("type")}});
  if (!fields.has("schema")) return invalid_input("$.text.format.schema: is missing");
  return std::optional(Json{{"type", "json_schema"}, {"json_schema", {{"schema", *fields.find("schema")}}}});
}

// The chat request that says the same.
Result<Json> chat_body(const Fields& fields) {
  Json body = Json::object();
  QUIPU_TRY(body["messages"], messages_of(fields));
  for (const Field& field : generation_fields()) {
    if (field.name == "response_format" || field.name == "stop") continue;
    if (const Json* value = fields.find(field.name)) body[field.name] = *value;
  }
  for (const char* name : {"parallel_tool_calls", "safety_identifier"}) {
    if (const Json* value = fields.find(name)) body[name] = *value;
  }
  if (fields.has("max_output_tokens")) body["max_tokens"] = fields.integer("max_output_tokens", -1);
  if (const Json* tools = fields.find("tools")) {
    QUIPU_TRY(body["tools"], tools_of(*tools));
  }
  if (const Json* choice = fields.find("tool_choice")) {
    body["tool_choice"] = *choice;
    if (choice->is_object() && choice->contains("name")) {
      body["tool_choice"].erase("name");
      body["tool_choice"]["function"] = {{"name", (*choice)["name"]}};
    }
  }
  if (const Json* text = fields.find("text")) {
    QUIPU_TRY(const auto format, format_of(*text));
    if (format) body["response_format"] = *format;
  }
  bool logprobs = false;
  if (const Json* include = fields.find("include")) {
    for (const Json& what : *include) {
      if (what != "message.output_text.logprobs")
        return error_of(ErrorKind::unsupported, "$.include: knows message.output_text.logprobs alone");
      logprobs = true;
    }
  }
  if (logprobs) body["logprobs"] = true;
  if (fields.integer("top_logprobs", 0) > 0) {
    if (!logprobs) return invalid_input("$.top_logprobs: needs message.output_text.logprobs in include");
    body["top_logprobs"] = fields.integer("top_logprobs", 0);
  }
  return body;
}

// What every response repeats of its request.
Json base_of(const Fields& fields, const std::string& model, const sample::SamplingParams& sampling) {
  const auto or_null = [&](const char* name) {
    const Json* value = fields.find(name);
    return value != nullptr ? *value : Json();
  };
  return {{"id", random_id("resp_")},
          {"object", "response"},
          {"created_at", unix_seconds()},
          {"status", "in_progress"},
          {"background", false},
          {"error", nullptr},
          {"incomplete_details", nullptr},
          {"instructions", or_null("instructions")},
          {"max_output_tokens", or_null("max_output_tokens")},
          {"model", model},
          {"output", Json::array()},
          {"parallel_tool_calls", fields.boolean("parallel_tool_calls", true)},
          {"previous_response_id", nullptr},
          {"reasoning", {{"effort", nullptr}, {"summary", nullptr}}},
          {"service_tier", "default"},
          {"store", false},
          {"temperature", sampling.temperature},
          {"text", fields.has("text") ? *fields.find("text") : Json{{"format", {{"type", "text"}}}}},
          {"tool_choice", fields.has("tool_choice") ? *fields.find("tool_choice") : Json("auto")},
          {"tools", fields.has("tools") ? *fields.find("tools") : Json::array()},
          {"top_logprobs", fields.integer("top_logprobs", 0)},
          {"top_p", sampling.top_p},
          {"truncation", "disabled"},
          {"usage", nullptr},
          {"user", or_null("user")},
          {"metadata", fields.has("metadata") ? *fields.find("metadata") : Json::object()}};
}

class Writer : public ChatEvents {
 public:
  Writer(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, Json response, bool streams, bool logprobs)
      : stream_(std::move(exchange)),
        model_(std::move(model)),
        response_(std::move(response)),
        streams_(streams),
        logprobs_(logprobs) {}

  void on_start() override {
    send("response.created", {{"response", response_}});
    send("response.in_progress", {{"response", response_}});
  }

  void on_text(uint32_t, std::string_view text, const std::vector<ScoredToken>& tokens) override {
    if (!in_message_) {
      if (text.empty() && tokens.empty()) return;
      begin_message();
    }
    Json scores = Json::array();
    if (logprobs_) scores = chat_logprobs(*model_, tokens);
    Json& part = item()["content"][0];
    part["text"].get_ref<std::string&>() += text;
    for (const Json& score : scores) part["logprobs"].push_back(score);
    send("response.output_text.delta", place({{"content_index", 0}, {"delta", text}, {"logprobs", scores}}));
  }

  void on_call(uint32_t, size_t, const std::string& id, std::string_view name) override {
    end_message("completed");
    response_["output"].push_back({{"type", "function_call"},
                                   {"id", random_id("fc_")},
                                   {"call_id", id},
                                   {"name", name},
                                   {"arguments", ""},
                                   {"status", "in_progress"}});
    in_call_ = true;
    send("response.output_item.added", {{"output_index", index()}, {"item", item()}});
  }
  void on_arguments(uint32_t, size_t, std::string_view piece) override {
    item()["arguments"].get_ref<std::string&>() += piece;
    send("response.function_call_arguments.delta", place({{"delta", piece}}));
  }
  void on_call_end(uint32_t, size_t) override {
    if (!std::exchange(in_call_, false)) return;
    item()["status"] = "completed";
    send("response.function_call_arguments.done",
         place({{"name", item()["name"]}, {"arguments", item()["arguments"]}}));
    send("response.output_item.done", {{"output_index", index()}, {"item", item()}});
  }

  void on_finish(uint32_t, ChatFinish finish, const std::string&) override { finish_ = finish; }

  void on_done(const engine::Usage& usage) override {
    const bool whole = finish_ != ChatFinish::length;
    const char* status = whole ? "completed" : "incomplete";
    // An answer without a word is a message, too.
    if (response_["output"].empty()) begin_message();
    end_message(status);
    response_["status"] = status;
    if (!whole) response_["incomplete_details"] = {{"reason", "max_output_tokens"}};
    response_["usage"] = {{"input_tokens", usage.n_prompt},
                          {"input_tokens_details", {{"cached_tokens", usage.n_cached}}},
                          {"output_tokens", usage.n_generated},
                          {"output_tokens_details", {{"reasoning_tokens", 0}}},
                          {"total_tokens", usage.n_prompt + usage.n_generated}};
    if (!streams_) return stream_.exchange()->respond(json_response(response_));
    send(whole ? "response.completed" : "response.incomplete", {{"response", response_}});
    stream_.end();
  }

  void on_error(const Error& error) override {
    const ApiError told = api_error(error);
    if (!stream_.begun()) return stream_.exchange()->respond(error_response(told));
    response_["status"] = "failed";
    response_["error"] = {{"code", "server_error"}, {"message", told.message}};
    send("response.failed", {{"response", response_}});
    stream_.end();
  }

 private:
  [[nodiscard]] size_t index() const { return response_["output"].size() - 1; }
  Json& item() { return response_["output"].back(); }

  Json place(const Json& more) {
    Json json{{"item_id", item()["id"]}, {"output_index", index()}};
    json.update(more);
    return json;
  }

  void send(const char* type, const Json& content) {
    if (!streams_) return;
    Json event{{"type", type}, {"sequence_number", sequence_++}};
    event.update(content);
    stream_.event(type, event);
  }

  void begin_message() {
    Json item_json{{"type", "message"},
                   {"id", random_id("msg_")},
                   {"status", "in_progress"},
                   {"role", "assistant"},
                   {"content", Json::array()}};
    response_["output"].push_back(item_json);
    in_message_ = true;
    send("response.output_item.added", {{"output_index", index()}, {"item", item_json}});
    const Json part{{"type", "output_text"}, {"annotations", Json::array()}, {"logprobs", Json::array()}, {"text", ""}};
    item()["content"].push_back(part);
    send("response.content_part.added", place({{"content_index", 0}, {"part", part}}));
  }

  void end_message(const char* status) {
    if (!std::exchange(in_message_, false)) return;
    const Json part = item()["content"][0];
    send("response.output_text.done",
         place({{"content_index", 0}, {"text", part["text"]}, {"logprobs", part["logprobs"]}}));
    send("response.content_part.done", place({{"content_index", 0}, {"part", part}}));
    item()["status"] = status;
    send("response.output_item.done", {{"output_index", index()}, {"item", item()}});
  }

  EventStream stream_;
  ModelHost::Lease model_;
  Json response_;
  bool streams_, logprobs_;
  bool in_message_ = false, in_call_ = false;
  ChatFinish finish_ = ChatFinish::stop;
  uint64_t sequence_ = 0;
};

}  // namespace

const Table& responses_fields() {
  static const Table table = make_responses_fields();
  return table;
}

Status responses(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(const Json body, chat_body(*fields));
  QUIPU_TRY(const Fields chat, Fields::of(chat_fields(), body));
  QUIPU_TRY(ChatJob job, read_chat(chat, *model, call.service.options.defaults, call.request()));
  const auto writer =
      std::make_shared<Writer>(call.exchange, model, base_of(*fields, model->name, job.request.options.sampling),
                               fields->boolean("stream", false), job.request.logprobs);
  return run_chat(model, std::move(job), writer, call.exchange);
}

}  // namespace quipu::server
