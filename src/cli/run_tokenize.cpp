// quipu tokenize and quipu detokenize.
#include <charconv>
#include <nlohmann/json.hpp>

#include "cli/input_text.h"
#include "cli/model_file.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "tokenizer/tokenizer.h"

namespace quipu::cli {

Result<int> run_tokenize(const Invocation& invocation) {
  QUIPU_TRY(const gguf::File file, open_model_file(invocation));
  QUIPU_TRY(const auto tokenizer, tokenizer::Tokenizer::from_gguf(file));
  QUIPU_TRY(const std::string text, input_text(invocation));
  const auto tokens = tokenizer.encode(
      text, {.parse_special = invocation.options.parse_special, .add_special = invocation.options.add_bos});
  Output out;
  out.write("[");
  for (size_t i = 0; i < tokens.size(); ++i) {
    if (!out.write(fmt::format("{}{}", i == 0 ? "" : ", ", tokens[i]))) break;
  }
  out.write("]\n");
  return out.finish();
}

Result<int> run_detokenize(const Invocation& invocation) {
  QUIPU_TRY(const gguf::File file, open_model_file(invocation));
  QUIPU_TRY(const auto tokenizer, tokenizer::Tokenizer::from_gguf(file));
  std::string list;
  if (invocation.positional.empty()) {
    QUIPU_TRY(list, input_text(invocation));
  } else {
    for (const std::string& word : invocation.positional) list += word + " ";
  }
  QUIPU_TRY(const auto tokens, parse_token_ids(list, tokenizer.n_vocab()));
  Output out;
  for (const auto token : tokens) {
    if (!out.write(tokenizer.bytes(token, true))) break;
  }
  return out.finish();
}

}  // namespace quipu::cli
