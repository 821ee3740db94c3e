// quipu template: an OpenAI chat request as the model sees it.
#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/model_file.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "template/chat_request.h"

namespace quipu::cli {

// Needs no weights: a file with a vocabulary alone will do.
Result<int> run_template(const Invocation& invocation) {
  QUIPU_TRY(const std::string request, input_text(invocation));
  auto input = chat_template::parse_chat_request(std::string_view(request));
  if (!input.ok()) return input.error().within("the chat request");
  QUIPU_TRY(const gguf::File file, open_model_file(invocation));
  QUIPU_TRY(const auto tokenizer, tokenizer::Tokenizer::from_gguf(file));
  QUIPU_TRY(const std::string choice, template_choice(invocation.options));
  QUIPU_TRY(const std::string source, engine::chat_template_text(file, choice, invocation.log));
  auto parsed = chat_template::ChatTemplate::parse(source);
  if (!parsed.ok()) return parsed.error().within(file.name() + ": chat template");
  engine::set_template_surroundings(*input, tokenizer);
  QUIPU_TRY(const auto variables, template_variables(invocation.options));
  if (variables.is_object()) input->extra.update(variables);
  QUIPU_TRY(const std::string prompt, parsed->render(*input));
  Output out;
  out.write(prompt);
  return out.finish();
}

}  // namespace quipu::cli
