// The handlers of all endpoints; endpoints.cpp lists them with their paths.
#pragma once

#include "server/service/service.h"

namespace quipu::server {

// What changes when the same request may give another text.
inline constexpr const char* kFingerprint = "quipu-" QUIPU_VERSION;

// OpenAI's.
Status chat_completions(Call& call, const Fields* fields);
Status completions(Call& call, const Fields* fields);
Status embeddings(Call& call, const Fields* fields);
Status list_models(Call& call, const Fields* fields);
Status one_model(Call& call, const Fields* fields);
Status responses(Call& call, const Fields* fields);

// Anthropic's.
Status messages(Call& call, const Fields* fields);
Status count_tokens(Call& call, const Fields* fields);

// llama.cpp's.
Status completion(Call& call, const Fields* fields);
Status infill(Call& call, const Fields* fields);
Status tokenize(Call& call, const Fields* fields);
Status detokenize(Call& call, const Fields* fields);
Status apply_template(Call& call, const Fields* fields);
Status tokenizer_info(Call& call, const Fields* fields);
Status embedding(Call& call, const Fields* fields);
Status props(Call& call, const Fields* fields);
Status slots(Call& call, const Fields* fields);
Status slot_action(Call& call, const Fields* fields);
Status metrics(Call& call, const Fields* fields);
Status health(Call& call, const Fields* fields);

// About the server.
Status page(Call& call, const Fields* fields);
Status openapi(Call& call, const Fields* fields);

const Table& completions_fields();
const Table& embeddings_fields();
const Table& responses_fields();
const Table& messages_fields();
const Table& count_tokens_fields();
const Table& completion_fields();
const Table& infill_fields();
const Table& tokenize_fields();
const Table& detokenize_fields();
const Table& apply_template_fields();
const Table& embedding_fields();
const Table& slot_action_fields();

// `stream_options`, of which include_usage alone is known.
Result<bool> read_include_usage(const Fields& fields);

}  // namespace quipu::server
