// POST /v1/messages and /v1/messages/count_tokens: Anthropic's API, translated to a chat request.
#include "engine/chat_prompt.h"
#include "server/api/anthropic_errors.h"
#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "server/service/event_stream.h"

namespace quipu::server {
namespace {

Table conversation_fields() {
  return {{.name = "model", .kind = FieldKind::text, .help = "which model; with one alone, any name means it"},
          {.name = "messages",
           .kind = FieldKind::list,
           .help = "the conversation so far",
           .required = true,
           .schema = R"({"type":"array","minItems":1})"},
          {.name = "system", .help = "the system message: a text or text blocks"},
          {.name = "tools", .kind = FieldKind::list, .help = "functions that the model may call"},
          {.name = "tool_choice",
           .kind = FieldKind::object,
           .help = "type auto, any, none, or tool with its name; disable_parallel_tool_use"},
          {.name = "thinking", .only = {R"({"type":"disabled"})"}},
          {.name = "mcp_servers", .only = {"[]"}},
          {.name = "output_config", .only = {"{}"}},
          {.name = "context_management", .only = {"{}"}}};
}

Table make_messages_fields() {
  const Table own{
      {.name = "max_tokens",
       .kind = FieldKind::integer,
       .help = "of the answer",
       .least = 1,
       .most = INT32_MAX,
       .required = true},
      {.name = "stop_sequences", .kind = FieldKind::list, .help = "texts that end the answer and are not part of it"},
      {.name = "temperature", .kind = FieldKind::number, .least = 0, .most = 2},
      {.name = "top_p", .kind = FieldKind::number, .least = 0, .most = 1},
      {.name = "top_k", .kind = FieldKind::integer, .least = -1, .most = INT32_MAX},
      {.name = "stream", .kind = FieldKind::boolean, .help = "server-sent events instead of one answer"},
      {.name = "metadata", .kind = FieldKind::object, .help = "user_id: whose request it is"},
      {.name = "service_tier", .only = {"\"auto\"", "\"standard_only\""}},
      {.name = "container", .only = {"null"}}};
  return joined({conversation_fields(), own});
}

// A marker of what to cache, which happens anyway.
const Field kCacheControl{.name = "cache_control", .kind = FieldKind::object};

Result<std::string> text_of(const Json& content, const std::string& path) {
  if (content.is_string()) return content.get<std::string>();
  if (!content.is_array()) return invalid_input("{}: must be a text or a list of blocks", path);
  std::string text;
  for (size_t i = 0; i < content.size(); i++) {
    const std::string at = fmt::format("{}[{}]", path, i);
    static const Table kTable{{.name = "type", .kind = FieldKind::text, .required = true, .choices = {"text"}},
                              {.name = "text", .kind = FieldKind::text, .required = true},
                              {.name = "citations", .only = {"[]"}},
                              kCacheControl};
    QUIPU_TRY(const Fields fields, Fields::of(kTable, content[i], at));
    text += fields.text("text");
  }
  return text;
}

// A tool's result becomes a message of its own.
Status add_result(const Json& block, const std::string& path, Json& messages) {
  static const Table kTable{{.name = "type", .kind = FieldKind::text},
                            {.name = "tool_use_id", .kind = FieldKind::text, .required = true},
                            {.name = "content"},
                            {.name = "is_error", .kind = FieldKind::boolean},
                            kCacheControl};
  QUIPU_TRY(const Fields fields, Fields::of(kTable, block, path));
  std::string text;
  if (const Json* content = fields.find("content")) {
    QUIPU_TRY(text, text_of(*content, path + ".content"));
  }
  if (fields.boolean("is_error", false)) text = "Error: " + text;
  messages.push_back({{"role", "tool"}, {"tool_call_id", fields.text("tool_use_id")}, {"content", text}});
  return {};
}

Result<Json> call_of(const Json& block, const std::string& path) {
  static const Table kTable{{.name = "type", .kind = FieldKind::text},
                            {.name = "id", .kind = FieldKind::text, .required = true},
                            {.name = "name", .kind = FieldKind::text, .required = true},
                            {.name = "input", .kind = FieldKind::object, .required = true},
                            {.name = "caller"},
                            kCacheControl};
  QUIPU_TRY(const Fields fields, Fields::of(kTable, block, path));
  return Json{{"id", fields.text("id")},
              {"type", "function"},
              {"function", {{"name", fields.text("name")}, {"arguments", json_text(*fields.find("input"))}}}};
}

Status add_message(const Json& message, const std::string& path, Json& messages) {
  static const Table kTable{
      {.name = "role", .kind = FieldKind::text, .required = true, .choices = {"user", "assistant"}},
      {.name = "content", .required = true}};
  QUIPU_TRY(const Fields fields, Fields::of(kTable, message, path));
  const std::string role = fields.text("role");
  const Json& content = *fields.find("content");
  if (content.is_string()) {
    messages.push_back({{"role", role}, {"content", content}});
    return {};
  }
  if (!content.is_array() || content.empty())
    return invalid_input("{}.content: must be a text or a list of blocks", path);
  std::string text;
  Json calls = Json::array();
  for (size_t i = 0; i < content.size(); i++) {
    const std::string at = fmt::format("{}.content[{}]", path, i);
    if (!content[i].is_object() || !content[i].contains("type") || !content[i]["type"].is_string())
      return invalid_input("{}.type: is missing", at);
    const auto type = content[i]["type"].get<std::string>();
    if (type == "text") {
      QUIPU_TRY(const std::string part, text_of(Json::array({content[i]}), at));
      text += part;
    } else if (type == "tool_result" && role == "user") {
      QUIPU_CHECK_OK(add_result(content[i], at, messages));
    } else if (type == "tool_use" && role == "assistant") {
      QUIPU_TRY(Json one, call_of(content[i], at));
      calls.push_back(std::move(one));
    } else {
      return error_of(ErrorKind::unsupported, "{}.type: this server reads no '{}' here", at, type.substr(0, 64));
    }
  }
  if (text.empty() && role == "user") return {};
  Json out{{"role", role}, {"content", text}};
  if (!calls.empty()) out["tool_calls"] = std::move(calls);
  messages.push_back(std::move(out));
  return {};
}

Result<Json> tools_of(const Json& tools) {
  Json out = Json::array();
  for (size_t i = 0; i < tools.size(); i++) {
    static const Table kTable{{.name = "type", .only = {"\"custom\""}},
                              {.name = "name", .kind = FieldKind::text, .required = true},
                              {.name = "description", .kind = FieldKind::text},
                              {.name = "input_schema", .kind = FieldKind::object, .required = true},
                              kCacheControl};
    QUIPU_TRY(const Fields fields, Fields::of(kTable, tools[i], fmt::format("$.tools[{}]", i)));
    Json function{{"name", fields.text("name")}};
    if (fields.has("description")) function["description"] = fields.text("description");
    function["parameters"] = *fields.find("input_schema");
    out.push_back({{"type", "function"}, {"function", std::move(function)}});
  }
  return out;
}

Status read_choice(const Json& choice, Json& body) {
  static const Table kTable{
      {.name = "type", .kind = FieldKind::text, .required = true, .choices = {"auto", "any", "tool", "none"}},
      {.name = "name", .kind = FieldKind::text},
      {.name = "disable_parallel_tool_use", .kind = FieldKind::boolean}};
  QUIPU_TRY(const Fields fields, Fields::of(kTable, choice, "$.tool_choice"));
  const std::string type = fields.text("type");
  if (type == "tool" && !fields.has("name")) return invalid_input("$.tool_choice.name: is missing");
  if (type == "tool") {
    body["tool_choice"] = {{"type", "function"}, {"function", {{"name", fields.text("name")}}}};
  } else {
    body["tool_choice"] = type == "any" ? "required" : type;
  }
  if (fields.boolean("disable_parallel_tool_use", false)) body["parallel_tool_calls"] = false;
  return {};
}

// The chat request that says the same, without what concerns the answer.
Result<Json> conversation_of(const Fields& fields) {
  Json body = Json::object();
  Json messages = Json::array();
  if (const Json* system = fields.find("system")) {
    QUIPU_TRY(const std::string text, text_of(*system, "$.system"));
    if (!text.empty()) messages.push_back({{"role", "system"}, {"content", text}});
  }
  const Json& given = *fields.find("messages");
  if (given.empty()) return invalid_input("$.messages: is empty");
  for (size_t i = 0; i < given.size(); i++)
    QUIPU_CHECK_OK(add_message(given[i], fmt::format("$.messages[{}]", i), messages));
  if (given.back()["role"] == "assistant")
    return error_of(ErrorKind::unsupported, "$.messages: this server can't go on with an answer: end with the user's");
  body["messages"] = std::move(messages);
  if (const Json* tools = fields.find("tools")) {
    QUIPU_TRY(body["tools"], tools_of(*tools));
  }
  if (const Json* choice = fields.find("tool_choice")) QUIPU_CHECK_OK(read_choice(*choice, body));
  return body;
}

class Writer : public ChatEvents {
 public:
  Writer(std::shared_ptr<Exchange> exchange, ModelHost::Lease model, bool streams, size_t n_prompt)
      : stream_(std::move(exchange)), model_(std::move(model)), streams_(streams), n_prompt_(n_prompt) {}

  void on_start() override {
    Json message = message_json();
    message["usage"] = {{"input_tokens", n_prompt_}, {"output_tokens", 0}};
    send("message_start", {{"message", std::move(message)}});
  }

  void on_text(uint32_t, std::string_view text, const std::vector<ScoredToken>&) override {
    if (text.empty()) return;
    if (!in_text_) {
      begin_block({{"type", "text"}, {"text", ""}});
      in_text_ = true;
    }
    content_.back()["text"].get_ref<std::string&>() += text;
    delta({{"type", "text_delta"}, {"text", text}});
  }
  void on_call(uint32_t, size_t, const std::string& id, std::string_view name) override {
    end_text();
    begin_block({{"type", "tool_use"}, {"id", "toolu_" + id.substr(5)}, {"name", name}, {"input", Json::object()}});
    arguments_.clear();
    in_call_ = true;
  }
  void on_arguments(uint32_t, size_t, std::string_view piece) override {
    arguments_ += piece;
    delta({{"type", "input_json_delta"}, {"partial_json", piece}});
  }
  void on_call_end(uint32_t, size_t) override {
    if (!std::exchange(in_call_, false)) return;
    Json input = Json::parse(arguments_, nullptr, false);
    if (input.is_object()) content_.back()["input"] = std::move(input);
    end_block();
  }

  void on_finish(uint32_t, ChatFinish finish, const std::string& stop) override {
    finish_ = finish;
    if (finish == ChatFinish::stop_text) stop_sequence_ = stop;
  }

  void on_done(const engine::Usage& usage) override {
    end_text();
    const Json usage_json{{"input_tokens", usage.n_prompt - usage.n_cached},
                          {"cache_read_input_tokens", usage.n_cached},
                          {"cache_creation_input_tokens", 0},
                          {"output_tokens", usage.n_generated}};
    if (!streams_) {
      Json message = message_json();
      message["content"] = content_;
      message["stop_reason"] = stop_reason();
      message["stop_sequence"] = stop_sequence_;
      message["usage"] = usage_json;
      return stream_.exchange()->respond(json_response(message));
    }
    send("message_delta",
         {{"delta", {{"stop_reason", stop_reason()}, {"stop_sequence", stop_sequence_}}}, {"usage", usage_json}});
    send("message_stop", Json::object());
    stream_.end();
  }

  void on_error(const Error& error) override {
    const std::string& id = stream_.exchange()->request().id;
    if (!stream_.begun()) return stream_.exchange()->respond(anthropic_error_response(api_error(error), id));
    stream_.event("error", anthropic_error_json(api_error(error), id));
    stream_.end();
  }

 private:
  [[nodiscard]] const char* stop_reason() const {
    switch (finish_) {
      case ChatFinish::length:
        return "max_tokens";
      case ChatFinish::tool_calls:
        return "tool_use";
      case ChatFinish::stop_text:
        return "stop_sequence";
      case ChatFinish::stop:
        return "end_turn";
    }
    return "end_turn";
  }

  [[nodiscard]] Json message_json() const {
    return {{"id", id_},
            {"type", "message"},
            {"role", "assistant"},
            {"model", model_->name},
            {"content", Json::array()},
            {"stop_reason", nullptr},
            {"stop_sequence", nullptr}};
  }

  void send(const char* type, const Json& content) {
    if (!streams_) return;
    Json event{{"type", type}};
    event.update(content);
    stream_.event(type, event);
  }
  void begin_block(Json block) {
    content_.push_back(block);
    send("content_block_start", {{"index", content_.size() - 1}, {"content_block", std::move(block)}});
  }
  void delta(Json what) { send("content_block_delta", {{"index", content_.size() - 1}, {"delta", std::move(what)}}); }
  void end_block() { send("content_block_stop", {{"index", content_.size() - 1}}); }
  void end_text() {
    if (std::exchange(in_text_, false)) end_block();
  }

  EventStream stream_;
  ModelHost::Lease model_;
  std::string id_ = random_id("msg_");
  Json content_ = Json::array();
  std::string arguments_;
  Json stop_sequence_;
  bool streams_;
  size_t n_prompt_;
  bool in_text_ = false, in_call_ = false;
  ChatFinish finish_ = ChatFinish::stop;
};

}  // namespace

const Table& messages_fields() {
  static const Table table = make_messages_fields();
  return table;
}

const Table& count_tokens_fields() {
  static const Table table = conversation_fields();
  return table;
}

Status messages(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(Json body, conversation_of(*fields));
  for (const char* name : {"max_tokens", "temperature", "top_p", "top_k"}) {
    if (const Json* value = fields->find(name)) body[name] = *value;
  }
  if (const Json* stops = fields->find("stop_sequences")) body["stop"] = *stops;
  if (const Json* metadata = fields->find("metadata")) {
    static const Table kTable{{.name = "user_id", .kind = FieldKind::text}};
    QUIPU_TRY(const Fields inner, Fields::of(kTable, *metadata, "$.metadata"));
    if (inner.has("user_id")) body["user"] = inner.text("user_id");
  }
  QUIPU_TRY(const Fields chat, Fields::of(chat_fields(), body));
  QUIPU_TRY(ChatJob job, read_chat(chat, *model, call.service.options.defaults, call.request()));
  const auto writer =
      std::make_shared<Writer>(call.exchange, model, fields->boolean("stream", false), job.request.prompt.size());
  return run_chat(model, std::move(job), writer, call.exchange);
}

Status count_tokens(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(const Json body, conversation_of(*fields));
  QUIPU_TRY(const Fields chat, Fields::of(chat_fields(), body));
  QUIPU_TRY(const ChatPrompt prompt, read_prompt(chat, *model));
  call.respond({{"input_tokens", engine::encode_prompt(model->model->tokenizer(), prompt.text).size()}});
  return {};
}

}  // namespace quipu::server
