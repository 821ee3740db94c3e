// The model that a command line names, wherever it lies.
#pragma once

#include <vector>

#include "base/result.h"
#include "cli/subcommands.h"
#include "gguf/gguf.h"
#include "pack/llamafile.h"

namespace quipu::cli {

// By -m, else the only model inside the running file. Errors as pack::locate_model's; without -m and a model inside,
// one that says what to do.
Result<pack::ModelPlace> place_of_model(const Invocation& invocation);
Result<gguf::File> open_model_file(const Invocation& invocation);
std::vector<gguf::Source> sources_of(const pack::ModelPlace& place);

}  // namespace quipu::cli
