// The chat, and one question from a pipe.
#include <atomic>

#include "chat/chat.h"
#include "cli/engine_setup.h"
#include "cli/flag_values.h"
#include "cli/run_modes.h"
#include "cli/server_setup.h"
#include "cli/streams.h"
#include "platform/terminal.h"

namespace quipu::cli {
namespace {

constexpr uint64_t kMaxPromptBytes = 64U << 20;

// --system-prompt and its file; -p says the same in a chat.
Result<std::string> system_prompt(const Options& options) {
  if (!options.system_prompt_file.empty()) return platform::read_file(options.system_prompt_file, kMaxPromptBytes);
  if (!options.system_prompt.empty()) return options.escape ? unescaped(options.system_prompt) : options.system_prompt;
  if (!options.prompt_file.empty()) return platform::read_file(options.prompt_file, kMaxPromptBytes);
  return options.escape ? unescaped(options.prompt) : options.prompt;
}

// The first line is the title.
std::vector<std::string> banner(const Options& options, const engine::Engine& engine) {
  if (!options.logo) return {};
  std::string name = model_name(engine.model());
  if (name.ends_with(".gguf")) name.resize(name.size() - 5);
  return {fmt::format("quipu {} - {}", QUIPU_VERSION, name),
          fmt::format("{:.1f} MB, context of {} tokens, {} thread{} ({})",
                      static_cast<double>(engine.model().file().total_bytes()) / 1e6, engine.n_ctx(),
                      engine.n_threads(), engine.n_threads() == 1 ? "" : "s", engine.isa())};
}

// Without a mode and with a pipe as input, all of it is one question.
bool is_one_question(const Options& options) {
  return options.mode == kNoMode && !platform::is_terminal(platform::Stream::standard_input);
}

// The server that answers while the chat goes on, with the engine and the scheduler of the chat. Its remarks end when
// the chat begins.
Result<std::unique_ptr<server::Server>> make_server(const Invocation& invocation,
                                                    std::unique_ptr<server::HostedModel> model,
                                                    const std::shared_ptr<std::atomic<bool>>& silent) {
  QUIPU_TRY(server::ServerOptions options, server_options(invocation));
  options.log = [log = invocation.log, silent](LogLevel level, std::string_view line) {
    if (!*silent) log_to(log, level, line);
  };
  QUIPU_TRY(auto sources, model_sources(invocation));
  // The first one is here already; it is handed over once and stays.
  auto kept = std::make_shared<std::unique_ptr<server::HostedModel>>(std::move(model));
  sources.front().load = [kept]() -> Result<std::unique_ptr<server::HostedModel>> { return std::move(*kept); };
  options.load_first = true;
  options.model_idle_time = {};
  return server::Server::create(options, std::move(sources));
}

Result<int> chat_beside_server(const Invocation& invocation, const std::shared_ptr<const engine::Model>& model,
                               chat::ChatOptions& chat_options) {
  const bool serves = invocation.options.mode == kNoMode;
  const uint32_t room = serves ? n_sequences(invocation.options, *model) : 1;
  QUIPU_TRY(auto own, make_engine(invocation, model, 0, room));
  const std::shared_ptr<engine::Engine> engine = std::move(own);
  chat_options.banner = banner(invocation.options, *engine);
  if (!serves) return chat::run_chat(chat::own_generator(*engine), chat_options);
  QUIPU_TRY(auto hosted, host_model(invocation, model, engine));
  engine::Scheduler& scheduler = *hosted->scheduler;
  const auto silent = std::make_shared<std::atomic<bool>>(false);
  const auto server = make_server(invocation, std::move(hosted), silent);
  // A chat needs no server: without one it goes on alone.
  if (!server.ok()) {
    log_to(invocation.log, LogLevel::warning, "no server beside the chat: " + server.error().message);
    return chat::run_chat(chat::own_generator(*engine), chat_options);
  }
  chat_options.banner.push_back(fmt::format("listening on {}", (*server)->url()));
  *silent = true;
  return chat::run_chat(chat::shared_generator(scheduler), chat_options);
}

}  // namespace

Result<int> run_chat_mode(const Invocation& invocation) {
  const Options& options = invocation.options;
  chat::ChatOptions chat_options;
  QUIPU_TRY(chat_options.system_prompt, system_prompt(options));
  QUIPU_TRY(chat_options.template_variables, template_variables(options));
  QUIPU_TRY(const auto model, load_model(invocation));
  QUIPU_TRY(chat_options.generate, generate_options(invocation, *model));
  chat_options.model_name = model_name(*model);
  chat_options.resume = options.resume;
  chat_options.styled = options.color != "off" && options.color != "never";
  chat_options.ascii = options.ascii;
  chat_options.status = options.status;
  chat_options.keep = options.history;
  if (is_one_question(options)) {
    QUIPU_TRY(std::string question, platform::read_file("-", kMaxTextBytes));
    while (question.ends_with('\n') || question.ends_with('\r')) question.pop_back();
    if (question.empty()) return invalid_input("standard input is empty: there is no question to answer");
    QUIPU_TRY(const auto engine, make_engine(invocation, model));
    return chat::answer_once(*engine, chat_options, question);
  }
  return chat_beside_server(invocation, model, chat_options);
}

}  // namespace quipu::cli
