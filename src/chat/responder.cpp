#include "chat/responder.h"

#include <algorithm>
#include <chrono>


namespace quipu::chat {
namespace {

using Clock = std::chrono::steady_clock;

double ms_since(Clock::time_point begin) {
  return std::chrono::duration<double, std::milli>(Clock::now() - begin).count();
}

// Tokens that are read between two looks at Ctrl-C and two drawings of the progress: as many as take about this long.
constexpr double kStep_ms = 400;
constexpr size_t kFirstStep = 64, kLongestStep = 2048;

// Free tokens that an answer begins with at least, after older turns were forgotten: a quarter of the context, and no
// more than an answer usually needs.
size_t room_for_answer(size_t n_ctx) {
  return std::min<size_t>(n_ctx / 4, 1024);
}

}  // namespace

Responder::Responder(engine::Engine& engine, engine::GenerateOptions options, chat_template::Json template_variables)
    : engine_(engine),
      sequence_(engine.new_sequence()),
      options_(std::move(options)),
      variables_(std::move(template_variables)) {}

Result<std::string> Responder::rendered(const Conversation& conversation, bool for_answer) const {
  const auto& tokenizer = engine_.model().tokenizer();
  chat_template::RenderInput input;
  input.messages = conversation.to_json();
  input.add_generation_prompt = for_answer;
  engine::set_template_surroundings(input, tokenizer);
  if (variables_.is_object()) input.extra = variables_;
  return engine_.model().chat_template().render(input);
}

Result<std::vector<Token>> Responder::tokens(const Conversation& conversation, bool for_answer) const {
  const auto& tokenizer = engine_.model().tokenizer();
  QUIPU_TRY(const std::string text, rendered(conversation, for_answer));
  auto tokens = tokenizer.encode(text, {.parse_special = true, .add_special = false});
  // Templates of some models leave the first token to the tokenizer.
  const auto first = tokenizer.encode("", {.parse_special = false, .add_special = true});
  if (!first.empty() && tokenizer.bos() == first.front() && (tokens.empty() || tokens.front() != first.front())) {
    tokens.insert(tokens.begin(), first.front());
  }
  return tokens;
}

// The prompt with room for `n_answered` tokens that were already said and `n_room` more; turns that don't fit are
// forgotten.
Result<std::vector<Token>> Responder::fitting_prompt(Conversation& conversation, const AnswerEvents& events,
                                                     size_t n_answered, size_t n_room) {
  const size_t before = conversation.n_forgotten(), n_ctx = engine_.n_ctx();
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

// Computes all of the prompt but its last token in steps, so that progress is seen and Ctrl-C is heard.
Status Responder::read_prompt(std::span<const Token> prompt, const AnswerEvents& events) {
  const auto cached = sequence_.tokens();
  const auto common = static_cast<size_t>(
      std::mismatch(cached.begin(), cached.end(), prompt.begin(), prompt.end()).first - cached.begin());
  const size_t n_cached = std::min(common, prompt.size() - 1);
  sequence_.truncate(n_cached);
  statistics_.n_prompt = prompt.size();
  statistics_.n_cached = n_cached;
  const size_t n_total = prompt.size() - 1 - n_cached;
  const auto begin = Clock::now();
  size_t step = kFirstStep;
  for (size_t done = 0; done < n_total;) {
    if (events.stop_requested && events.stop_requested()) return error_of(ErrorKind::cancelled, "stopped");
    const size_t n = std::min(step, n_total - done);
    const engine::Work work{&sequence_, prompt.subspan(n_cached + done, n), engine::Work::Logits::none};
    const auto step_begin = Clock::now();
    QUIPU_CHECK_OK(engine_.decode(std::span(&work, 1), {}));
    const double step_ms = ms_since(step_begin);
    done += n;
    if (events.on_prompt) events.on_prompt(done, n_total, 1000.0 * static_cast<double>(done) / ms_since(begin));
    const double wanted = static_cast<double>(n) * kStep_ms / std::max(step_ms, 0.01);
    step = static_cast<size_t>(std::clamp(wanted, static_cast<double>(kFirstStep), static_cast<double>(kLongestStep)));
  }
  statistics_.prompt_ms = ms_since(begin);
  return {};
}

Result<Answer> Responder::answer(Conversation& conversation, const AnswerEvents& events) {
  Answer answer;
  std::vector<Token> said;
  std::stop_source stop;
  const auto on_text = [&](std::string_view text) {
    answer.text += text;
    if (events.on_text) events.on_text(text);
    return !(events.stop_requested && events.stop_requested());
  };
  const size_t room = room_for_answer(engine_.n_ctx());
  statistics_.n_generated = 0;
  statistics_.generation_ms = 0;
  for (;;) {
    QUIPU_TRY(auto prompt, fitting_prompt(conversation, events, said.size(), room));
    // When there is no turn left to forget, the beginning of the answer goes.
    if (const size_t space = engine_.n_ctx() - prompt.size(); said.size() + std::min(room, space / 2) > space) {
      said.erase(said.begin(), said.end() - static_cast<std::ptrdiff_t>(space / 2));
      if (events.on_forgotten) events.on_forgotten(0);
    }
    prompt.insert(prompt.end(), said.begin(), said.end());
    const Status read = read_prompt(prompt, events);
    if (!read.ok() && read.error().kind != ErrorKind::cancelled) return read.error();
    if (!read.ok()) {
      answer.finish = engine::Finish::cancelled;
      return answer;
    }
    engine::GenerateOptions options = options_;
    if (options.n_predict >= 0) {
      options.n_predict = std::max<int64_t>(0, options.n_predict - static_cast<int64_t>(statistics_.n_generated));
    }
    QUIPU_TRY(const auto generated, engine::generate(engine_, sequence_, prompt, options, on_text, stop.get_token()));
    statistics_.prompt_ms += generated.prompt_ms;
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

}  // namespace quipu::chat
