// The Llama family (Touvron et al. 2023; Llama 3: Grattafiori et al. 2024), and those built like it: SmolLM, Mistral.
#pragma once

#include <memory>

#include "model/model.h"

namespace quipu::model {

Result<std::unique_ptr<Model>> load_llama(const gguf::File& file, Hyperparameters hyperparameters);

}  // namespace quipu::model
