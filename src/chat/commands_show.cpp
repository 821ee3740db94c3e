// Commands that show something, and the settings.
#include <fmt/format.h>

#include "chat/chat_settings.h"
#include "chat/commands.h"
#include "chat/session.h"
#include "platform/terminal.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

double rate(size_t n_tokens, double ms) {
  return ms > 0 ? 1000.0 * static_cast<double>(n_tokens) / ms : 0.0;
}

std::string setting_line(const engine::GenerateOptions& options, std::string_view name) {
  return fmt::format("  {:<22}{:<8}  {}", name, setting_value(options, name), setting_help(name));
}

}  // namespace

void Session::context(std::string_view) {
  const auto tokens = responder_.tokens(conversation_, false);
  if (!tokens.ok()) return screen_.error(tokens.error().message);
  const size_t n_ctx = responder_.engine().n_ctx();
  std::string text = fmt::format("{} of {} tokens ({:.1f} %), {}", tokens->size(), n_ctx,
                                 100.0 * static_cast<double>(tokens->size()) / static_cast<double>(n_ctx),
                                 n_messages(conversation_.messages().size()));
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
  const std::string name = setting_name(arguments.substr(0, blank));
  const std::string_view value = arguments.substr(arguments.find_first_not_of(' ', blank));
  auto options = responder_.options();
  Status status = set_setting(options, name, value);
  const auto n_vocab = static_cast<int32_t>(responder_.engine().model().hyperparameters().n_vocab);
  if (status.ok()) status = sample::validate(options.sampling, n_vocab);
  if (!status.ok()) return screen_.error(status.error().message);
  responder_.options() = std::move(options);
  changed();
  screen_.print(setting_line(responder_.options(), name));
}

void Session::show(std::string_view arguments) {
  const auto& options = responder_.options();
  std::string text;
  if (!arguments.empty()) {
    const std::string name = setting_name(arguments);
    if (!is_setting(name)) return screen_.error(unknown_setting(arguments).message);
    return screen_.print(setting_line(options, name) + fmt::format("\n  {:<22}must be {}", "", setting_range(name)));
  }
  for (const std::string_view name : setting_names()) text += screen_.fitting(setting_line(options, name)) + "\n";
  screen_.print(text);
}

}  // namespace quipu::chat
