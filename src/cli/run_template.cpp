// quipu template: the prompt that a chat request becomes.
#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "platform/platform.h"
#include "template/chat_request.h"

namespace quipu::cli {

Result<int> run_template(const Invocation& invocation) {
  QUIPU_TRY(const auto model, load_model(invocation));
  QUIPU_TRY(const std::string text, input_text(invocation));
  QUIPU_TRY(chat_template::RenderInput input, chat_template::parse_chat_request(std::string_view(text)));
  const auto& tokenizer = model->tokenizer();
  if (const auto bos = tokenizer.bos()) input.bos_token = std::string(tokenizer.bytes(*bos, true));
  if (const auto eos = tokenizer.eos()) input.eos_token = std::string(tokenizer.bytes(*eos, true));
  input.strftime_now = [](const std::string& format) { return platform::local_time(format); };
  QUIPU_TRY(const std::string prompt, model->chat_template().render(input));
  Output out;
  out.write(prompt);
  return out.finish();
}

}  // namespace quipu::cli
