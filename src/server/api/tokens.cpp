// llama.cpp's /tokenize, /detokenize, /apply-template, and /tokenizer_info for lm-eval.
#include "server/api/chat_events.h"
#include "server/api/endpoints.h"
#include "text/utf8.h"

namespace quipu::server {

const Table& tokenize_fields() {
  static const Table table{
      {.name = "model", .kind = FieldKind::text},
      {.name = "content", .kind = FieldKind::text, .help = "the text"},
      {.name = "prompt", .kind = FieldKind::text, .help = "the text, by the name that lm-eval gives it"},
      {.name = "add_special", .kind = FieldKind::boolean, .help = "BOS and EOS as the model's metadata asks"},
      {.name = "add_special_tokens", .kind = FieldKind::boolean, .help = "the same, by lm-eval's name"},
      {.name = "parse_special", .kind = FieldKind::boolean, .help = "control tokens in the text count (default true)"},
      {.name = "with_pieces", .kind = FieldKind::boolean, .help = "each token with its text or bytes"}};
  return table;
}

Status tokenize(Call& call, const Fields* fields) {
  if (fields->has("content") == fields->has("prompt"))
    return invalid_input("$.content: either content or prompt must be there");
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  const auto& tokenizer = model->model->tokenizer();
  const std::string text = fields->text("content", fields->text("prompt"));
  const bool add_special = fields->boolean("add_special", fields->boolean("add_special_tokens", false));
  const auto tokens =
      tokenizer.encode(text, {.parse_special = fields->boolean("parse_special", true), .add_special = add_special});
  const bool with_pieces = fields->boolean("with_pieces", false);
  Json list = Json::array();
  for (const engine::Token token : tokens) {
    if (!with_pieces) {
      list.push_back(token);
      continue;
    }
    const std::string piece = token_text(*model, token);
    Json bytes = Json::array();
    for (const char c : piece) bytes.push_back(static_cast<unsigned char>(c));
    list.push_back({{"id", token}, {"piece", text::is_valid_utf8(piece) ? Json(piece) : bytes}});
  }
  call.respond({{"tokens", std::move(list)}, {"count", tokens.size()}});
  return {};
}

const Table& detokenize_fields() {
  static const Table table{{.name = "model", .kind = FieldKind::text},
                           {.name = "tokens",
                            .kind = FieldKind::list,
                            .help = "token ids",
                            .required = true,
                            .schema = R"({"type":"array","items":{"type":"integer"}})"}};
  return table;
}

Status detokenize(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(const auto tokens, tokens_of(*fields->find("tokens"), *model, "$.tokens"));
  const std::string text = model->model->tokenizer().decode(tokens, true);
  call.respond({{"content", text}, {"prompt", text}});
  return {};
}

const Table& apply_template_fields() {
  return chat_fields();
}

Status apply_template(Call& call, const Fields* fields) {
  QUIPU_TRY(const auto model, call.service.host.acquire(fields->text("model")));
  QUIPU_TRY(const ChatPrompt prompt, read_prompt(*fields, *model));
  call.respond({{"prompt", prompt.text}});
  return {};
}

Status tokenizer_info(Call& call, const Fields*) {
  QUIPU_TRY(const auto model, call.service.host.acquire(""));
  const auto& tokenizer = model->model->tokenizer();
  const auto text_of = [&](std::optional<engine::Token> token) {
    return token ? Json(token_text(*model, *token)) : Json();
  };
  call.respond({{"bos_token", text_of(tokenizer.bos())},
                {"eos_token", text_of(tokenizer.eos())},
                {"pad_token", nullptr},
                {"chat_template", model->model->chat_template_text()},
                {"add_bos_token", tokenizer.adds_bos()},
                {"add_eos_token", tokenizer.adds_eos()},
                {"n_vocab", tokenizer.n_vocab()}});
  return {};
}

}  // namespace quipu::server
