#include "chat/responder.h"

#include <algorithm>

#include "engine/chat_prompt.h"

namespace quipu::chat {
namespace {

// Free tokens that an answer begins with at least, after older turns were forgotten: a quarter of the context, and no
// more than an answer usually needs.
size_t room_for_answer(size_t n_ctx) {
  return std::min<size_t>(n_ctx / 4, 1024);
}

}  // namespace

Responder::Responder(std::unique_ptr<Generator> generator, engine::GenerateOptions options,
                     chat_template::Json template_variables)
    : generator_(std::move(generator)), options_(std::move(options)), variables_(std::move(template_variables)) {}

Result<std::string> Responder::rendered(const Conversation& conversation, bool for_answer) const {
  const auto& tokenizer = engine().model().tokenizer();
  chat_template::RenderInput input;
  input.messages = conversation.to_json();
  input.add_generation_prompt = for_answer;
  engine::set_template_surroundings(input, tokenizer);
  if (variables_.is_object()) input.extra = variables_;
  return engine().model().chat_template().render(input);
}

Result<std::vector<Token>> Responder::tokens(const Conversation& conversation, bool for_answer) const {
  QUIPU_TRY(const std::string text, rendered(conversation, for_answer));
  return engine::encode_prompt(engine().model().tokenizer(), text);
}

// The prompt with room for `n_answered` tokens that were already said and `n_room` more; turns that don't fit are
// forgotten.
Result<std::vector<Token>> Responder::fitting_prompt(Conversation& conversation, const AnswerEvents& events,
                                                     size_t n_answered, size_t n_room) {
  const size_t before = conversation.n_forgotten(), n_ctx = engine().n_ctx();
  QUIPU_TRY(auto prompt, tokens(conversation, true));
  while (prompt.size() + n_answered + n_room > n_ctx && conversation.forget_turn()) {
    QUIPU_TRY(prompt, tokens(conversation, true));
  }
  if (prompt.size() >= n_ctx) {
    return error_of(ErrorKind::limit_exceeded,
                    "the message takes {} tokens, but the context has {}; start with a larger -c", prompt.size(),
                    n_ctx);
  }
  if (conversation.n_forgotten() > before && events.on_forgotten)
    events.on_forgotten(conversation.n_forgotten() - before);
  return prompt;
}

Result<Answer> Responder::answer(Conversation& conversation, const AnswerEvents& events) {
  Answer answer;
  std::vector<Token> said;
  GeneratorEvents heard = events;
  heard.on_text = [&](std::string_view text) {
    answer.text += text;
    if (events.on_text) events.on_text(text);
  };
  const size_t room = room_for_answer(engine().n_ctx());
  statistics_.n_generated = 0;
  statistics_.generation_ms = 0;
  for (;;) {
    QUIPU_TRY(auto prompt, fitting_prompt(conversation, events, said.size(), room));
    // When there is no turn left to forget, the beginning of the answer goes.
    if (const size_t space = engine().n_ctx() - prompt.size(); said.size() + std::min(room, space / 2) > space) {
      said.erase(said.begin(), said.end() - static_cast<std::ptrdiff_t>(space / 2));
      if (events.on_forgotten) events.on_forgotten(0);
    }
    prompt.insert(prompt.end(), said.begin(), said.end());
    engine::GenerateOptions options = options_;
    if (options.n_predict >= 0) {
      options.n_predict = std::max<int64_t>(0, options.n_predict - static_cast<int64_t>(statistics_.n_generated));
    }
    QUIPU_TRY(const auto generated, generator_->generate(prompt, options, heard));
    statistics_.n_prompt = prompt.size();
    statistics_.n_cached = generated.n_cached;
    statistics_.prompt_ms = generated.prompt_ms;
    n_context_used_ = prompt.size() + generated.tokens.size();
    statistics_.generation_ms += generated.generation_ms;
    statistics_.n_generated += generated.tokens.size();
    statistics_.total_prompt += statistics_.n_prompt - statistics_.n_cached;
    statistics_.total_prompt_ms += statistics_.prompt_ms;
    statistics_.total_generated += generated.tokens.size();
    statistics_.total_generation_ms += generated.generation_ms;
    answer.finish = generated.finish;
    if (generated.finish != engine::Finish::context_full || stops_when_full_) return answer;
    said.insert(said.end(), generated.tokens.begin(), generated.tokens.end());
  }
}

Status Responder::keep(const std::filesystem::path& path) {
  QUIPU_CHECK_OK(generator_->keep(path));
  std::error_code code;
  std::filesystem::permissions(path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write, code);
  return {};
}

bool Responder::restore(const std::filesystem::path& path) {
  return generator_->restore(path);
}

}  // namespace quipu::chat
