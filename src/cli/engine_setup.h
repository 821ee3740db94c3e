// From the command line to a model that computes.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/subcommands.h"
#include "engine/engine.h"

namespace quipu::cli {

Result<std::shared_ptr<const engine::Model>> load_model(const Invocation& invocation);

// Of 32 values of the KV cache in `type`, a choice of --cache-type-k or -v: q8_0 and q4_0 have a float16 scale beside
// them.
uint32_t kv_block_bytes(const Options& options, std::string_view type);

// What --chat-template and --chat-template-file say, as Model::Options::chat_template.
Result<std::string> template_choice(const Options& options);
// The object of --chat-template-kwargs; null without it.
Result<chat_template::Json> template_variables(const Options& options);

// `n_ctx`: instead of what -c says, if not 0. `n_sequences`: of n_ctx positions, for which the KV cache has room.
Result<std::unique_ptr<engine::Engine>> make_engine(const Invocation& invocation,
                                                    std::shared_ptr<const engine::Model> model, uint32_t n_ctx = 0,
                                                    uint32_t n_sequences = 1,
                                                    model::LinearObserver* observer = nullptr);

// Sampling, length and stop texts of the flags. Errors: a value that does not fit the model's vocabulary.
Result<engine::GenerateOptions> generate_options(const Invocation& invocation, const engine::Model& model);

// The model's name for people: that of its file, without folders.
std::string model_name(const engine::Model& model);

}  // namespace quipu::cli
