// The fields that every endpoint which generates text has, and what they mean for the engine.
#pragma once

#include <optional>
#include <string>

#include "engine/scheduler.h"
#include "server/api/fields.h"
#include "server/http/message.h"
#include "server/service/model_host.h"

namespace quipu::server {

// What holds where a request says nothing: the flags of the command line.
struct GenerationDefaults {
  sample::SamplingParams sampling;
  int64_t n_predict = -1;
};

// Sampling, `stop`, `n`, grammars, `logit_bias`, `user`, `priority` and further fields of all such endpoints.
const Table& generation_fields();
// The neutral values of llama.cpp's fields that have no meaning here.
const Table& llama_fields();

// Reads them, `max_tokens` by the name given included. `client`: who shares in the machine, unless `user` says.
// Errors name the field.
Result<engine::Request> read_generation(const Fields& fields, const HostedModel& model,
                                        const GenerationDefaults& defaults, const Request& request);

// A compiled grammar for a schema or a GBNF text, from the model's cache. `path`: the field, for errors.
Result<std::shared_ptr<grammar::MaskCache>> compiled_schema(const HostedModel& model, const Json& schema,
                                                            const std::string& path);
Result<std::shared_ptr<grammar::MaskCache>> compiled_gbnf(const HostedModel& model, const std::string& text,
                                                          const std::string& path);

// A token of the model that `id` names by number.
std::optional<engine::Token> token_of(const Json& id, const HostedModel& model);
// The token ids of a JSON list. Errors: what is no id of the vocabulary, with its path.
Result<std::vector<engine::Token>> tokens_of(const Json& list, const HostedModel& model, const std::string& path);

// "stop", "length": how an answer ended, in OpenAI's words.
std::string_view finish_reason(engine::Finish finish);

// The stop text that ended an answer: the earliest in it.
std::string stop_text_of(const engine::Generated& generated, const engine::GenerateOptions& options,
                         const HostedModel& model);

// `usage` of chat and text completions.
Json usage_json(const engine::Usage& usage);

int64_t unix_seconds();
// "chatcmpl-3f9a...": a random name.
std::string random_id(std::string_view prefix);

}  // namespace quipu::server
