#include "server/api/prompts.h"

#include <algorithm>
#include <array>

#include "server/api/generation.h"
#include "text/utf8.h"

namespace quipu::server {
namespace {

using tokenizer::Tokenizer;

Prompt of_text(const std::string& text, const HostedModel& model) {
  Prompt prompt{text, model.model->tokenizer().encode(text, {.parse_special = true, .add_special = true})};
  const Tokenizer& tokenizer = model.model->tokenizer();
  // An empty prompt begins where a text begins.
  if (prompt.tokens.empty()) {
    if (const auto first = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos()) prompt.tokens.push_back(*first);
  }
  return prompt;
}

Result<Prompt> of_ids(const Json& ids, const HostedModel& model, const std::string& path) {
  Prompt prompt;
  QUIPU_TRY(prompt.tokens, tokens_of(ids, model, path));
  if (prompt.tokens.empty()) return invalid_input("{}: is empty", path);
  prompt.text = model.model->tokenizer().decode(prompt.tokens, true);
  return prompt;
}

}  // namespace

size_t n_characters(std::string_view text) {
  size_t n = 0;
  for (size_t at = 0; at < text.size(); at += text::decode_at(text, at).size) n++;
  return n;
}

Result<std::vector<Prompt>> read_prompts(const Json& json, const HostedModel& model, const std::string& path) {
  if (json.is_string()) return std::vector{of_text(json.get<std::string>(), model)};
  if (!json.is_array() || json.empty())
    return invalid_input("{}: must be a text, a list of texts, a list of token ids, or a list of such lists", path);
  if (json[0].is_number()) {
    QUIPU_TRY(Prompt prompt, of_ids(json, model, path));
    return std::vector{std::move(prompt)};
  }
  if (json.size() > 2048) return error_of(ErrorKind::limit_exceeded, "{}: has more than 2048 prompts", path);
  std::vector<Prompt> prompts;
  for (size_t i = 0; i < json.size(); i++) {
    const std::string at = fmt::format("{}[{}]", path, i);
    if (json[i].is_string()) {
      prompts.push_back(of_text(json[i].get<std::string>(), model));
    } else if (json[i].is_array()) {
      QUIPU_TRY(Prompt prompt, of_ids(json[i], model, at));
      prompts.push_back(std::move(prompt));
    } else {
      return invalid_input("{}: must be a text or a list of token ids", at);
    }
  }
  return prompts;
}

Result<Prompt> read_mixed_prompt(const Json& json, const HostedModel& model, const std::string& path) {
  if (json.is_string()) return of_text(json.get<std::string>(), model);
  if (!json.is_array() || json.empty())
    return invalid_input("{}: must be a text, or a list of texts and token ids", path);
  Prompt prompt;
  const Tokenizer& tokenizer = model.model->tokenizer();
  for (size_t i = 0; i < json.size(); i++) {
    if (json[i].is_string()) {
      const auto tokens = tokenizer.encode(json[i].get<std::string>(), {.parse_special = true, .add_special = i == 0});
      prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
    } else if (const auto token = token_of(json[i], model)) {
      prompt.tokens.push_back(*token);
    } else {
      return invalid_input("{}[{}]: must be a text or a token id from 0 to {}", path, i, tokenizer.n_vocab() - 1);
    }
  }
  if (prompt.tokens.empty()) return invalid_input("{}: is empty", path);
  prompt.text = tokenizer.decode(prompt.tokens, true);
  return prompt;
}

Result<Prompt> fill_in_middle(const HostedModel& model, const std::string& prefix, const std::string& suffix,
                              const std::string& path) {
  const Tokenizer& tokenizer = model.model->tokenizer();
  // Names of the three tokens in the metadata, and the texts that models use: Qwen, CodeLlama, StarCoder, DeepSeek,
  // Codestral (whose order differs and which is left out).
  constexpr std::array<std::array<const char*, 3>, 4> kTexts{{
      {"<|fim_prefix|>", "<|fim_suffix|>", "<|fim_middle|>"},
      {"<fim_prefix>", "<fim_suffix>", "<fim_middle>"},
      {"<fim-prefix>", "<fim-suffix>", "<fim-middle>"},
      {"<PRE>", "<SUF>", "<MID>"},
  }};
  std::array<std::optional<engine::Token>, 3> marks;
  constexpr std::array kKeys{"tokenizer.ggml.fim_pre_token_id", "tokenizer.ggml.fim_suf_token_id",
                             "tokenizer.ggml.fim_mid_token_id"};
  for (size_t i = 0; i < marks.size(); i++) {
    const auto id = model.model->file().get<uint32_t>(kKeys[i]);
    if (id.ok() && *id && **id < static_cast<uint32_t>(tokenizer.n_vocab()))
      marks[i] = static_cast<engine::Token>(**id);
  }
  for (const auto& texts : kTexts) {
    if (marks[0] && marks[1] && marks[2]) break;
    for (size_t i = 0; i < marks.size(); i++) marks[i] = tokenizer.find(texts[i]);
  }
  if (!marks[0] || !marks[1] || !marks[2]) {
    return error_of(ErrorKind::unsupported, "{}: the model '{}' has no tokens for fill-in-the-middle", path,
                    model.name);
  }
  Prompt prompt{prefix, {}};
  const auto add = [&](const std::string& text) {
    const auto tokens = tokenizer.encode(text, {});
    prompt.tokens.insert(prompt.tokens.end(), tokens.begin(), tokens.end());
  };
  if (tokenizer.adds_bos() && tokenizer.bos()) prompt.tokens.push_back(*tokenizer.bos());
  prompt.tokens.push_back(*marks[0]);
  add(prefix);
  prompt.tokens.push_back(*marks[1]);
  add(suffix);
  prompt.tokens.push_back(*marks[2]);
  return prompt;
}

}  // namespace quipu::server
