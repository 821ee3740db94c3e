// From the command line to a server.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/subcommands.h"
#include "engine/engine.h"
#include "server/server.h"

namespace quipu::cli {

Result<server::ServerOptions> server_options(const Invocation& invocation);

// How many sequences of the context find room in a KV cache of a third of the free memory: -np, else at most 16.
uint32_t n_sequences(const Options& options, const engine::Model& model);

// A model with its scheduler. `engine`: null, or one that others use, too.
Result<std::unique_ptr<server::HostedModel>> host_model(const Invocation& invocation,
                                                        std::shared_ptr<const engine::Model> model,
                                                        std::shared_ptr<engine::Engine> engine);

// A source for each -m. They are loaded when first asked for.
Result<std::vector<server::ModelSource>> model_sources(const Invocation& invocation);

}  // namespace quipu::cli
