#include "engine/model.h"

#include "platform/platform.h"
#include "template/builtin.h"

namespace quipu::engine {

void set_template_surroundings(chat_template::RenderInput& input, const tokenizer::Tokenizer& tokenizer) {
  if (const auto bos = tokenizer.bos()) input.bos_token = std::string(tokenizer.bytes(*bos, true));
  if (const auto eos = tokenizer.eos()) input.eos_token = std::string(tokenizer.bytes(*eos, true));
  input.strftime_now = [](const std::string& format) { return platform::local_time(format); };
}

Result<std::string> chat_template_text(const gguf::File& file, const std::string& choice, const Log& log) {
  if (const auto builtin = chat_template::builtin_template(choice)) return std::string(*builtin);
  if (choice.find_first_of("{\n") != std::string::npos) return choice;
  if (!choice.empty()) return error_of(ErrorKind::not_found, "no built-in chat template is called '{}'", choice);
  QUIPU_TRY(const auto own, file.get<std::string_view>("tokenizer.chat_template"));
  if (own) return std::string(*own);
  log_to(log, LogLevel::warning, "the model has no chat template: ChatML is used");
  return std::string(*chat_template::builtin_template("chatml"));
}

Result<std::shared_ptr<const Model>> Model::load(const std::filesystem::path& path, const Options& options) {
  QUIPU_TRY(auto file, gguf::File::open(path));
  return load(std::move(file), options);
}

Result<std::shared_ptr<const Model>> Model::load(std::vector<gguf::Source> parts, const Options& options) {
  QUIPU_TRY(auto file, gguf::File::open(std::move(parts)));
  return load(std::move(file), options);
}

Result<std::shared_ptr<const Model>> Model::load(gguf::File file, const Options& options) {
  auto model = std::make_shared<Model>();
  QUIPU_TRY(model->weights_, model::load(file));
  QUIPU_TRY(model->tokenizer_, tokenizer::Tokenizer::from_gguf(file));
  QUIPU_TRY(model->chat_template_text_, engine::chat_template_text(file, options.chat_template, options.log));
  auto parsed = chat_template::ChatTemplate::parse(model->chat_template_text_);
  if (!parsed.ok()) return parsed.error().within(file.name() + ": chat template");
  model->chat_template_ = std::move(parsed).value();
  model->file_ = std::move(file);
  if (options.lock_in_memory) QUIPU_CHECK_OK(model->file_.lock_in_memory());
  return std::shared_ptr<const Model>(std::move(model));
}

std::shared_ptr<grammar::MaskCache> Model::compile(grammar::Grammar grammar) const {
  std::call_once(trie_once_, [this] {
    std::vector<std::string_view> bytes;
    std::vector<Token> end_tokens;
    for (Token token = 0; token < tokenizer_->n_vocab(); token++) {
      bytes.push_back(tokenizer_->bytes(token, false));
      if (tokenizer_->is_end_of_generation(token)) end_tokens.push_back(token);
    }
    trie_ = std::make_shared<grammar::TokenTrie>(bytes, end_tokens);
  });
  return std::make_shared<grammar::MaskCache>(std::move(grammar), trie_);
}

}  // namespace quipu::engine
