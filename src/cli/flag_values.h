// Flags whose value needs more than a number or a text.
#pragma once

#include <string_view>

#include "base/result.h"
#include "cli/options.h"

namespace quipu::cli {

Status add_model(Options& options, std::string_view value);
Status set_prompt(Options& options, std::string_view value);
// "5+1.5", "5-inf": the id of a token and what is added to its logit.
Status add_logit_bias(Options& options, std::string_view value);
// The first one replaces the default breakers; "none" leaves none.
Status add_dry_breaker(Options& options, std::string_view value);
// "top_k;top_p;temperature".
Status set_samplers(Options& options, std::string_view value);
// One letter for each stage, as llama.cpp has them.
Status set_sampler_letters(Options& options, std::string_view value);
Status set_gpu(Options& options, std::string_view value);
Status set_gpu_layers(Options& options, std::string_view value);

// \n \r \t \\ \" \' and \xNN become their bytes; any other backslash stays.
std::string unescaped(std::string_view text);

}  // namespace quipu::cli
