// Commands that show something, and the settings.
#include <fmt/format.h>

#include <charconv>

#include "chat/commands.h"
#include "chat/session.h"
#include "platform/terminal.h"
#include "sample/settings.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

double rate(size_t n_tokens, double ms) {
  return ms > 0 ? 1000.0 * static_cast<double>(n_tokens) / ms : 0.0;
}

}  // namespace

void Session::context(std::string_view) {
  const auto tokens = responder_.tokens(conversation_, false);
  if (!tokens.ok()) return screen_.error(tokens.error().message);
  const size_t n_ctx = responder_.engine().n_ctx();
  std::string text = fmt::format("{} of {} tokens ({:.1f} %), {} messages", tokens->size(), n_ctx,
                                 100.0 * static_cast<double>(tokens->size()) / static_cast<double>(n_ctx),
                                 conversation_.messages().size());
  if (conversation_.n_forgotten() > 0)
    text += fmt::format(", of which the model no longer sees {}", conversation_.n_forgotten());
  screen_.print(text);
}

void Session::dump(std::string_view arguments) {
  const auto text = responder_.rendered(conversation_, false);
  if (!text.ok()) return screen_.error(text.error().message);
  if (arguments.empty()) return screen_.print(*text);
  std::string path(arguments);
  if (path.starts_with("~/")) path = platform::environment("HOME").value_or("") + path.substr(1);
  const Status status = platform::write_private_file(path, *text);
  if (!status.ok()) return screen_.error(status.error().message);
  screen_.notice(fmt::format("(written to {})", path));
}

void Session::stats(std::string_view) {
  const Statistics& s = responder_.statistics();
  screen_.print(
      fmt::format("last answer   read {} tokens ({} more were known) at {:.1f} tokens/s, wrote {} at {:.1f} tokens/s\n"
                  "this session  read {} tokens at {:.1f} tokens/s, wrote {} at {:.1f} tokens/s\n",
                  s.n_prompt - s.n_cached, s.n_cached, rate(s.n_prompt - s.n_cached, s.prompt_ms), s.n_generated,
                  rate(s.n_generated, s.generation_ms), s.total_prompt, rate(s.total_prompt, s.total_prompt_ms),
                  s.total_generated, rate(s.total_generated, s.total_generation_ms)));
}

void Session::tokens(std::string_view arguments) {
  if (arguments.empty()) return usage("/tokens");
  const auto& tokenizer = responder_.engine().model().tokenizer();
  const auto tokens = tokenizer.encode(arguments, {.parse_special = true, .add_special = false});
  std::string text;
  for (const Token token : tokens) {
    text += fmt::format("{:>7}  '{}'\n", token, text::replace_invalid(tokenizer.bytes(token, true)));
  }
  screen_.print(text + fmt::format("{} tokens\n", tokens.size()));
}

void Session::model(std::string_view) {
  const auto& engine = responder_.engine();
  const auto& hyperparameters = engine.model().hyperparameters();
  screen_.print(
      fmt::format("model     {}\nsize      {:.1f} MB\ncontext   {} tokens (trained for {})\nlayers    {}, {} wide, "
                  "vocabulary {}\ncompute   {} threads, {}\n",
                  options_.model_name, static_cast<double>(engine.model().file().total_bytes()) / 1e6, engine.n_ctx(),
                  hyperparameters.n_ctx_train, hyperparameters.n_layer, hyperparameters.n_embd, hyperparameters.n_vocab,
                  engine.n_threads(), engine.isa()));
}

void Session::set(std::string_view arguments) {
  const size_t blank = arguments.find(' ');
  if (blank == arguments.npos) return usage("/set");
  const std::string_view name = arguments.substr(0, blank);
  const std::string_view value = arguments.substr(arguments.find_first_not_of(' ', blank));
  auto& options = responder_.options();
  if (name == "n_predict") {
    int64_t n = 0;
    const auto [end, code] = std::from_chars(value.data(), value.data() + value.size(), n);
    if (code != std::errc() || end != value.data() + value.size() || n < -2)
      return screen_.error("n_predict must be -2 or more");
    options.n_predict = n;
  } else {
    const sample::Setting* setting = sample::find_setting(name);
    if (setting == nullptr) return screen_.error(fmt::format("there is no setting '{}'; /show lists them", name));
    const Status status = sample::set_text(options.sampling, *setting, value);
    if (!status.ok()) return screen_.error(status.error().message);
  }
  changed();
  show(name);
}

void Session::show(std::string_view arguments) {
  const auto& options = responder_.options();
  const auto line = [&](const sample::Setting& setting) {
    return fmt::format("  {:<20} {:<10} {}\n", setting.name, sample::value_of(options.sampling, setting), setting.help);
  };
  const std::string n_predict = fmt::format("  {:<20} {:<10} {}\n", "n_predict", options.n_predict,
                                            "tokens of an answer at most; -1: until the model ends");
  if (arguments == "n_predict") return screen_.print(n_predict);
  if (!arguments.empty()) {
    const sample::Setting* setting = sample::find_setting(arguments);
    if (setting == nullptr) return screen_.error(fmt::format("there is no setting '{}'; /show lists them", arguments));
    return screen_.print(line(*setting) + fmt::format("  {:<20} must be {}\n", "", sample::range_of(*setting)));
  }
  std::string text = n_predict;
  for (const sample::Setting& setting : sample::settings()) text += line(setting);
  screen_.print(text);
}

}  // namespace quipu::chat
