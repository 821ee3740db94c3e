// A chat request becomes a prompt and a request of the engine.
#include <algorithm>

#include "engine/chat_prompt.h"
#include "server/api/chat_events.h"
#include "server/api/chat_messages.h"
#include "template/chat_request.h"

namespace quipu::server {
namespace {

Table make_chat_fields() {
  const Table own{
      {.name = "model", .kind = FieldKind::text, .help = "which model; with one alone, any name means it"},
      {.name = "messages",
       .kind = FieldKind::list,
       .help = "the conversation so far",
       .required = true,
       .schema =
           R"({"type":"array","minItems":1,"items":{"type":"object","required":["role"],"properties":{"role":{"enum":["system","developer","user","assistant","tool","function"]},"content":{"type":["string","array","null"]},"tool_calls":{"type":["array","null"]},"tool_call_id":{"type":["string","null"]}}}})"},
      {.name = "max_tokens",
       .kind = FieldKind::integer,
       .help = "of the answer; -1: until the model ends it",
       .least = -1,
       .most = INT32_MAX},
      {.name = "max_completion_tokens",
       .kind = FieldKind::integer,
       .help = "the same by its newer name",
       .least = -1,
       .most = INT32_MAX},
      {.name = "n", .kind = FieldKind::integer, .help = "so many answers", .least = 1, .most = 128},
      {.name = "logprobs", .kind = FieldKind::boolean, .help = "log-probabilities of the answer's tokens"},
      {.name = "top_logprobs",
       .kind = FieldKind::integer,
       .help = "and of the likeliest tokens at their places",
       .least = 0,
       .most = 100},
      {.name = "tools",
       .kind = FieldKind::list,
       .help = "functions that the model may call",
       .schema = R"({"type":["array","null"],"items":{"type":"object","required":["type","function"]}})"},
      {.name = "tool_choice", .help = "none, auto, required, or the function to call"},
      {.name = "parallel_tool_calls", .kind = FieldKind::boolean, .help = "false: one call at most"},
      {.name = "stream_options", .kind = FieldKind::object, .help = "include_usage: the counts come as the last event"},
      {.name = "chat_template_kwargs", .kind = FieldKind::object, .help = "further variables of the template"},
      {.name = "documents", .kind = FieldKind::list, .help = "for templates that show documents"},
      {.name = "add_generation_prompt", .kind = FieldKind::boolean, .help = "whether the prompt opens an answer"},
      {.name = "safety_identifier", .kind = FieldKind::text, .help = "as user"},
      {.name = "prompt_cache_key", .kind = FieldKind::text, .help = "prompts share what they have in common, always"},
      {.name = "prompt_cache_retention", .only = {"\"in_memory\""}},
      {.name = "modalities", .only = {"[\"text\"]"}},
      {.name = "reasoning_effort", .only = {"\"none\""}},
      {.name = "service_tier", .only = {"\"auto\"", "\"default\""}},
      {.name = "store", .only = {"false"}},
      {.name = "metadata", .only = {"{}"}},
      {.name = "verbosity", .only = {"\"medium\""}},
      {.name = "audio", .only = {"null"}},
      {.name = "prediction", .only = {"null"}},
      {.name = "web_search_options", .only = {"null"}},
      {.name = "functions", .help = "see tools", .only = {"null", "[]"}},
      {.name = "function_call", .help = "see tool_choice", .only = {"null", "\"none\""}},
  };
  return joined({own, generation_fields(), llama_fields()});
}

Status read_length(const Fields& fields, engine::GenerateOptions& options) {
  const Json* a = fields.find("max_tokens");
  const Json* b = fields.find("max_completion_tokens");
  if (a != nullptr && b != nullptr && *a != *b)
    return invalid_input("$.max_tokens: says something else than max_completion_tokens");
  options.n_predict = fields.integer("max_completion_tokens", fields.integer("max_tokens", options.n_predict));
  return {};
}

Status force_call(const HostedModel& model, const ToolChoice& choice, const ChatPrompt& prompt, ChatJob& job) {
  if (job.request.options.grammar != nullptr)
    return invalid_input("$.tool_choice: a required call excludes response_format, json_schema and grammar");
  std::vector<Tool> tools = prompt.tools;
  if (!choice.name.empty()) std::erase_if(tools, [&](const Tool& tool) { return tool.name != choice.name; });
  const ForcedCall forced = forced_call(prompt.format, tools, job.parallel_calls);
  job.forced_prefix = forced.prefix;
  QUIPU_TRY(job.request.options.grammar, compiled_schema(model, forced.schema, "$.tools"));
  return {};
}

}  // namespace

const Table& chat_fields() {
  static const Table table = make_chat_fields();
  return table;
}

Result<ChatPrompt> read_prompt(const Fields& fields, const HostedModel& model) {
  ChatPrompt prompt;
  QUIPU_TRY(Json messages, read_messages(*fields.find("messages")));
  if (const Json* tools = fields.find("tools")) {
    QUIPU_TRY(prompt.tools, read_tools(*tools));
  }
  prompt.format = detect_tool_format(model.model->chat_template_text());
  Json request{{"messages", std::move(messages)}};
  for (const char* name : {"documents", "chat_template_kwargs", "add_generation_prompt"}) {
    if (const Json* value = fields.find(name)) request[name] = *value;
  }
  // Tools that must not be called are not shown either.
  const Json* choice = fields.find("tool_choice");
  const bool shows_tools = !prompt.tools.empty() && !(choice != nullptr && *choice == "none");
  if (shows_tools && prompt.format != ToolFormat::generic) request["tools"] = *fields.find("tools");
  QUIPU_TRY(chat_template::RenderInput input, chat_template::parse_chat_request(request));
  if (shows_tools && prompt.format == ToolFormat::generic) describe_tools(prompt.tools, input.messages);
  engine::set_template_surroundings(input, model.model->tokenizer());
  auto text = model.model->chat_template().render(input);
  if (!text.ok()) return text.error().within("$.messages");
  prompt.text = std::move(*text);
  return prompt;
}

Result<ChatJob> read_chat(const Fields& fields, const HostedModel& model, const GenerationDefaults& defaults,
                          const Request& request) {
  ChatJob job;
  QUIPU_TRY(job.request, read_generation(fields, model, defaults, request));
  QUIPU_CHECK_OK(read_length(fields, job.request.options));
  job.request.n_answers = static_cast<uint32_t>(fields.integer("n", 1));
  if (fields.has("safety_identifier")) job.request.client = fields.text("safety_identifier");
  job.request.logprobs = fields.boolean("logprobs", false);
  job.request.n_top_logprobs = static_cast<uint32_t>(fields.integer("top_logprobs", 0));
  if (job.request.n_top_logprobs > 0 && !job.request.logprobs)
    return invalid_input("$.top_logprobs: needs logprobs to be true");
  job.parallel_calls = fields.boolean("parallel_tool_calls", true);

  QUIPU_TRY(const ChatPrompt prompt, read_prompt(fields, model));
  QUIPU_TRY(const ToolChoice choice, read_tool_choice(fields.find("tool_choice"), prompt.tools));
  job.format = prompt.format;
  for (const Tool& tool : prompt.tools) job.tool_names.push_back(tool.name);
  job.reads_calls = choice.kind != ToolChoice::Kind::none;
  // Markers of calls are control tokens in some vocabularies.
  if (job.reads_calls) job.request.options.show_special = true;
  if (choice.kind == ToolChoice::Kind::required) QUIPU_CHECK_OK(force_call(model, choice, prompt, job));
  job.request.prompt = engine::encode_prompt(model.model->tokenizer(), prompt.text + job.forced_prefix);
  return job;
}

}  // namespace quipu::server
