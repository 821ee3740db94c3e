// quipu --cli: goes on with a text. Standard output carries text alone.
#include <algorithm>

#include "chat/prompt_reader.h"
#include "chat/safe_text.h"
#include "cli/engine_setup.h"
#include "cli/flag_values.h"
#include "cli/run_modes.h"
#include "cli/streams.h"
#include "platform/console.h"
#include "platform/terminal.h"

namespace quipu::cli {
namespace {

using Tokens = std::vector<engine::Token>;

// -p, then -f; standard input if there is neither and it is no terminal.
Result<std::string> prompt_text(const Options& options) {
  std::string text = options.escape ? unescaped(options.prompt) : options.prompt;
  std::string path = options.prompt_file;
  if (!options.has_prompt && path.empty() && !platform::is_terminal(platform::Stream::standard_input)) path = "-";
  if (path.empty()) return text;
  QUIPU_TRY(std::string content, platform::read_file(path, kMaxTextBytes));
  // The end of a text file's last line is no part of what is to be continued.
  if (content.ends_with('\n')) content.pop_back();
  if (content.ends_with('\r')) content.pop_back();
  if (!text.empty() && !content.empty() && text.back() != '\n' && text.back() != ' ') text += '\n';
  return text + content;
}

// The prompt's tokens, at most as many as leave room for an answer.
Result<Tokens> prompt_tokens(const Options& options, const engine::Engine& engine, const std::string& text) {
  const auto& tokenizer = engine.model().tokenizer();
  Tokens tokens = tokenizer.encode(text, {.parse_special = true, .add_special = true});
  if (tokens.empty()) {
    const auto first = tokenizer.bos() ? tokenizer.bos() : tokenizer.eos();
    if (!first) return invalid_input("the prompt is empty: give a text with -p or -f");
    tokens.push_back(*first);
  }
  const size_t n_ctx = engine.n_ctx();
  if (tokens.size() < n_ctx) return tokens;
  if (!options.truncate) {
    return error_of(
        ErrorKind::limit_exceeded,
        "the prompt has {} tokens, but the context has room for {}: raise it with -c (this model was trained "
        "for {}), or keep the prompt's end alone with --truncate",
        tokens.size(), n_ctx - 1, engine.model().hyperparameters().n_ctx_train);
  }
  // A first token that the tokenizer puts before every text stays.
  const bool keeps_first = tokenizer.bos() == tokens.front();
  const size_t room =
      options.n_predict >= 0 ? std::min<size_t>(static_cast<size_t>(options.n_predict), n_ctx / 2) : n_ctx / 4;
  const size_t n_kept = std::max<size_t>(n_ctx - room, 2) - 1;
  tokens.erase(tokens.begin() + (keeps_first ? 1 : 0), tokens.end() - static_cast<std::ptrdiff_t>(n_kept));
  return tokens;
}

class Completion {
 public:
  Completion(const Invocation& invocation, engine::Engine& engine, engine::Sequence sequence,
             engine::GenerateOptions generate)
      : options_(invocation.options), engine_(engine), sequence_(std::move(sequence)), generate_(std::move(generate)) {
    // In interactive mode the text that gives the turn back stays in the text: it is looked for here.
    if (is_interactive()) stops_ = std::exchange(generate_.stop, {});
    safe_ = platform::is_terminal(platform::Stream::standard_output);
  }

  Result<int> run(const std::string& text, Tokens tokens) {
    if (options_.display_prompt) put(text);
    bool yours = options_.interactive_first;
    const size_t n_prompt = tokens.size();
    for (;;) {
      if (!yours) {
        QUIPU_TRY(const auto generated, generate(tokens));
        if (!out_alive_) break;
        if (interrupted_ && !is_interactive()) {
          QUIPU_CHECK_OK(keep(n_prompt));
          return finish(kExitInterrupted);
        }
        tokens.insert(tokens.end(), generated.tokens.begin(), generated.tokens.end());
        if (generated.finish == engine::Finish::context_full && is_interactive()) {
          log_to_user("the context is full");
          break;
        }
      }
      yours = false;
      if (!is_interactive() || !read_line(tokens)) break;
    }
    QUIPU_CHECK_OK(keep(n_prompt));
    return finish(0);
  }

 private:
  [[nodiscard]] bool is_interactive() const { return options_.interactive || options_.interactive_first; }

  void put(std::string_view text) {
    if (text.empty()) return;
    last_ = text.back();
    const std::string shown = safe_ ? safe_text_.push(text) : std::string(text);
    out_alive_ = out_.write(shown) && out_.flush();
  }

  void log_to_user(std::string_view line) {
    if (!options_.log_disable) print_warning(line);
  }

  Result<engine::Generated> generate(const Tokens& tokens) {
    const platform::InterruptGuard guard;
    interrupted_ = false;
    const auto stopped = [&] { return interrupted_ = interrupted_ || platform::InterruptGuard::take(); };
    {
      ProgressLine line("reading the prompt");
      const auto show = [&](size_t done, size_t total, double) { line.show(done, total); };
      const auto read = chat::read_prompt(engine_, sequence_, tokens, {show, stopped});
      if (!read.ok() && read.error().kind != ErrorKind::cancelled) return read.error();
      if (!read.ok()) return engine::Generated{.finish = engine::Finish::cancelled, .tokens = {}};
    }
    std::string tail;
    const auto on_text = [&](std::string_view text) {
      put(text);
      tail += text;
      const auto found = [&](const std::string& stop) { return tail.ends_with(stop); };
      if (std::any_of(stops_.begin(), stops_.end(), found)) return false;
      if (tail.size() > kMaxTail) tail.erase(0, tail.size() - kMaxTail / 2);
      return out_alive_ && !stopped();
    };
    return engine::generate(engine_, sequence_, tokens, generate_, on_text);
  }

  // The user's line becomes part of the text. False at the end of input.
  bool read_line(Tokens& tokens) {
    const auto line = platform::read_line();
    if (!line) return false;
    last_ = '\n';
    const auto text_of = [&](const std::string& text) { return options_.escape ? unescaped(text) : text; };
    const std::string text = text_of(options_.in_prefix) + *line + "\n" + text_of(options_.in_suffix);
    const auto more = engine_.model().tokenizer().encode(text, {.parse_special = true, .add_special = false});
    tokens.insert(tokens.end(), more.begin(), more.end());
    if (tokens.size() < engine_.n_ctx()) return true;
    log_to_user("the context is full");
    return false;
  }

  // Writes the prompt's file, if there is to be one.
  [[nodiscard]] Status keep(size_t n_prompt) {
    if (options_.prompt_cache.empty() || options_.prompt_cache_ro) return {};
    engine::Sequence kept = sequence_.fork();
    if (!options_.prompt_cache_all) kept.truncate(n_prompt);
    QUIPU_CHECK_OK(kept.save(options_.prompt_cache));
    // It holds the prompt's words: for the user alone.
    using std::filesystem::perms;
    std::error_code code;
    std::filesystem::permissions(options_.prompt_cache, perms::owner_read | perms::owner_write, code);
    return {};
  }

  Result<int> finish(int code) {
    // On a terminal the shell's prompt begins a line.
    if (safe_ && last_ != '\n') out_.write("\n");
    return out_.finish(code);
  }

  static constexpr size_t kMaxTail = 4096;  // longer than any text that ends a turn
  const Options& options_;
  engine::Engine& engine_;
  engine::Sequence sequence_;
  engine::GenerateOptions generate_;
  std::vector<std::string> stops_;
  Output out_;
  chat::SafeText safe_text_;
  char last_ = '\n';
  bool safe_ = false, out_alive_ = true, interrupted_ = false;
};

// What the file of --prompt-cache holds; nothing if there is none yet. A file of another text is a warning.
Result<engine::Sequence> cached_sequence(const Invocation& invocation, engine::Engine& engine, const Tokens& prompt) {
  const Options& options = invocation.options;
  if (options.prompt_cache.empty()) return engine.new_sequence();
  auto sequence = engine.restore(options.prompt_cache);
  if (sequence.ok()) {
    const auto cached = sequence->tokens();
    const auto n_same =
        std::mismatch(cached.begin(), cached.end(), prompt.begin(), prompt.end()).first - cached.begin();
    if (static_cast<size_t>(n_same) < std::min(cached.size(), prompt.size())) {
      log_to(invocation.log, LogLevel::warning,
             fmt::format("--prompt-cache: {} holds another text: {} of its {} tokens are used", options.prompt_cache,
                         n_same, cached.size()));
    }
    return sequence;
  }
  if (sequence.error().kind == ErrorKind::not_found) return engine.new_sequence();
  return sequence.error().within("--prompt-cache");
}

}  // namespace

Result<int> run_completion(const Invocation& invocation) {
  QUIPU_TRY(const std::string text, prompt_text(invocation.options));
  QUIPU_TRY(const auto model, load_model(invocation));
  QUIPU_TRY(const auto generate, generate_options(invocation, *model));
  QUIPU_TRY(const auto engine, make_engine(invocation, model));
  QUIPU_TRY(auto tokens, prompt_tokens(invocation.options, *engine, text));
  QUIPU_TRY(auto sequence, cached_sequence(invocation, *engine, tokens));
  return Completion(invocation, *engine, std::move(sequence), generate).run(text, std::move(tokens));
}

}  // namespace quipu::cli
