#include "tokenizer/tokenizer.h"

#include <algorithm>
#include <variant>

#include "text/unicode.h"
#include "text/utf8.h"
#include "tokenizer/byte_bpe.h"
#include "tokenizer/end_of_generation.h"
#include "tokenizer/sentence_piece.h"
#include "tokenizer/spaces.h"
#include "tokenizer/special_tokens.h"
#include "tokenizer/token_table.h"
#include "tokenizer/vocab.h"

namespace quipu::tokenizer {

struct Tokenizer::State {
  TokenTable table;
  SpecialTokens specials;
  std::variant<ByteBpe, SentencePiece> model;
  std::optional<Token> bos, eos;
  bool add_bos = false, add_eos = false, add_space_prefix = false;
  std::vector<Token> end_of_generation;
  std::vector<std::string> warnings;

  // The table, the model and what follows from its kind.
  Status build_model(const Vocab& vocab);
  [[nodiscard]] const ByteIndex& index() const {
    return std::visit([](const auto& m) -> const ByteIndex& { return m.index(); }, model);
  }
};

namespace {

// SentencePiece vocabularies whose file names no BOS and EOS have them here (Llama 1's <s> and </s>).
constexpr Token kSentencePieceBos = 1, kSentencePieceEos = 2;

bool is_shown_only_as_special(TokenType type) {
  return type == TokenType::control || type == TokenType::unknown;
}

Status check_ids(const Vocab& vocab) {
  const std::pair<const char*, std::optional<int64_t>> ids[] = {{"bos_token_id", vocab.bos_token_id},
                                                                {"eos_token_id", vocab.eos_token_id},
                                                                {"eot_token_id", vocab.eot_token_id},
                                                                {"eom_token_id", vocab.eom_token_id},
                                                                {"unknown_token_id", vocab.unknown_token_id}};
  for (const auto& [key, id] : ids) {
    if (id && (*id < 0 || static_cast<uint64_t>(*id) >= vocab.tokens.size())) {
      return invalid_input("tokenizer.ggml.{} is {}, but the vocabulary has {} tokens", key, *id, vocab.tokens.size());
    }
  }
  return {};
}

std::optional<Token> as_token(std::optional<int64_t> checked_id) {
  return checked_id ? std::optional(static_cast<Token>(*checked_id)) : std::nullopt;
}

std::optional<Token> control_token(const TokenTable& table, Token token) {
  return table.contains(token) && table.type(token) == TokenType::control ? std::optional(token) : std::nullopt;
}

std::string_view without_white_space_in_front(std::string_view text) {
  while (!text.empty()) {
    const text::Decoded first = text::decode_at(text, 0);
    if (!text::Properties(first.code_point).is_white_space()) break;
    text.remove_prefix(first.size);
  }
  return text;
}

std::string_view without_white_space_at_end(std::string_view text) {
  while (!text.empty()) {
    size_t last = text.size() - 1;
    while (last > 0 && (static_cast<unsigned char>(text[last]) & 0xC0) == 0x80) --last;
    const text::Decoded character = text::decode_at(text, last);
    if (!character.valid || !text::Properties(character.code_point).is_white_space()) break;
    text = text.substr(0, last);
  }
  return text;
}

}  // namespace

Result<Tokenizer> Tokenizer::from_gguf(const gguf::File& file) {
  QUIPU_TRY(const Vocab vocab, read_vocab(file));
  auto tokenizer = from_vocab(vocab);
  if (!tokenizer) return tokenizer.error().within(file.name());
  return tokenizer;
}

Status Tokenizer::State::build_model(const Vocab& vocab) {
  if (vocab.model == "gpt2") {
    QUIPU_TRY(table, TokenTable::build(vocab, TokenText::byte_alphabet));
    QUIPU_TRY(auto bpe, ByteBpe::build(vocab, table));
    add_bos = bpe.pre().add_bos;
    model = std::move(bpe);
    if (vocab.pre.empty()) {
      warnings.emplace_back(
          "the model file names no pre-tokeniser (tokenizer.ggml.pre): words are cut as llama.cpp's default does, "
          "which "
          "may differ from what the model was trained on");
    }
    return {};
  }
  if (vocab.model == "llama") {
    QUIPU_TRY(table, TokenTable::build(vocab, TokenText::escaped_space));
    QUIPU_TRY(model, SentencePiece::build(vocab, table));
    add_bos = true;
    add_space_prefix = vocab.add_space_prefix.value_or(true);
    bos = control_token(table, kSentencePieceBos);
    eos = control_token(table, kSentencePieceEos);
    return {};
  }
  return error_of(ErrorKind::unsupported,
                  "tokenizer.ggml.model is {:?}; known are gpt2 (byte-level BPE) and llama (SentencePiece)",
                  vocab.model.substr(0, 64));
}

Result<Tokenizer> Tokenizer::from_vocab(const Vocab& vocab) {
  auto state = std::make_shared<State>();
  QUIPU_CHECK_OK(check_ids(vocab));
  QUIPU_CHECK_OK(state->build_model(vocab));
  QUIPU_TRY(state->specials, SpecialTokens::build(state->table, vocab.model_name));
  if (vocab.bos_token_id) state->bos = as_token(vocab.bos_token_id);
  if (vocab.eos_token_id) state->eos = as_token(vocab.eos_token_id);
  if (vocab.add_bos_token.value_or(false) && !state->bos) {
    state->warnings.emplace_back("tokenizer.ggml.add_bos_token is set, but the file names no bos_token_id");
  }
  state->add_bos = vocab.add_bos_token.value_or(state->add_bos) && state->bos.has_value();
  state->add_eos = vocab.add_eos_token.value_or(false) && state->eos.has_value();
  state->end_of_generation = end_of_generation_tokens(vocab);
  Tokenizer tokenizer;
  tokenizer.state_ = std::move(state);
  return tokenizer;
}

std::vector<Token> Tokenizer::encode(std::string_view text, EncodeOptions options) const {
  const State& state = *state_;
  std::vector<Token> tokens;
  tokens.reserve(text.size() / 3 + 2);  // prose has about four bytes a token
  if (options.add_special && state.add_bos) tokens.push_back(*state.bos);
  std::string spaced;  // SentencePiece's form of a stretch of plain text
  const auto encode_plain = [&](std::string_view plain) {
    if (plain.empty()) return;
    if (const auto* bpe = std::get_if<ByteBpe>(&state.model)) {
      bpe->encode(state.table, plain, tokens);
      return;
    }
    spaced.assign(state.add_space_prefix ? 1 : 0, ' ');
    spaced.append(plain);
    unescape_spaces(spaced, 0);
    std::get<SentencePiece>(state.model).encode(state.table, spaced, tokens);
  };
  size_t position = 0;
  while (const auto match = state.specials.find(text, position, options.parse_special)) {
    const std::string_view before = text.substr(position, match->begin - position);
    encode_plain(match->strip.left ? without_white_space_at_end(before) : before);
    tokens.push_back(match->token);
    position = match->end;
    if (match->strip.right) position = text.size() - without_white_space_in_front(text.substr(position)).size();
  }
  encode_plain(text.substr(position));
  if (options.add_special && state.add_eos) tokens.push_back(*state.eos);
  return tokens;
}

std::string_view Tokenizer::bytes(Token token, bool special) const {
  if (!state_->table.contains(token)) return {};
  if (!special && is_shown_only_as_special(state_->table.type(token))) return {};
  return state_->table.bytes(token);
}

std::string Tokenizer::decode(std::span<const Token> tokens, bool special) const {
  std::string text;
  text.reserve(tokens.size() * 4);
  for (const Token token : tokens) text += bytes(token, special);
  return text;
}

int32_t Tokenizer::n_vocab() const {
  return static_cast<int32_t>(state_->table.size());
}
std::optional<Token> Tokenizer::bos() const {
  return state_->bos;
}
std::optional<Token> Tokenizer::eos() const {
  return state_->eos;
}
bool Tokenizer::adds_bos() const {
  return state_->add_bos;
}
bool Tokenizer::adds_eos() const {
  return state_->add_eos;
}
bool Tokenizer::adds_space_prefix() const {
  return state_->add_space_prefix;
}
std::span<const std::string> Tokenizer::warnings() const {
  return state_->warnings;
}

bool Tokenizer::is_end_of_generation(Token token) const {
  return std::binary_search(state_->end_of_generation.begin(), state_->end_of_generation.end(), token);
}

bool Tokenizer::is_control(Token token) const {
  return state_->table.contains(token) && state_->table.type(token) == TokenType::control;
}

std::optional<Token> Tokenizer::find(std::string_view text) const {
  Token token = state_->specials.find_exact(text);
  if (token == kNoToken) token = state_->index().find(state_->table, text);
  return token == kNoToken ? std::nullopt : std::optional(token);
}

}  // namespace quipu::tokenizer
