// Prompts of text completions: texts, tokens, lists of them, and fill-in-the-middle.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "engine/model.h"
#include "server/api/json.h"
#include "server/service/model_host.h"

namespace quipu::server {

struct Prompt {
  std::string text;  // as `echo` shows it
  std::vector<engine::Token> tokens;
};

// A text, a list of texts, a list of ids, or a list of lists of ids. Errors name the path.
Result<std::vector<Prompt>> read_prompts(const Json& json, const HostedModel& model, const std::string& path);
// llama.cpp's form of one prompt: a text, or a list of texts and ids that follow one another.
Result<Prompt> read_mixed_prompt(const Json& json, const HostedModel& model, const std::string& path);

// What stands between `prefix` and `suffix` is to be generated. Error: unsupported, if the vocabulary has no tokens for
// that.
Result<Prompt> fill_in_middle(const HostedModel& model, const std::string& prefix, const std::string& suffix,
                              const std::string& path);

// Characters (code points) of a UTF-8 text; bytes that are none count as one each.
size_t n_characters(std::string_view text);

}  // namespace quipu::server
