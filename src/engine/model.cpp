#include "engine/model.h"

#include "template/builtin.h"

namespace quipu::engine {
namespace {

Result<std::string> template_text(const gguf::File& file, const Model::Options& options) {
  if (const auto builtin = chat_template::builtin_template(options.chat_template)) return std::string(*builtin);
  if (options.chat_template.find_first_of("{\n") != std::string::npos) return options.chat_template;
  if (!options.chat_template.empty())
    return error_of(ErrorKind::not_found, "no built-in chat template is called '{}'", options.chat_template);
  QUIPU_TRY(const auto own, file.get<std::string_view>("tokenizer.chat_template"));
  if (own) return std::string(*own);
  log_to(options.log, LogLevel::warning, "the model has no chat template: ChatML is used");
  return std::string(*chat_template::builtin_template("chatml"));
}

}  // namespace

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
  QUIPU_TRY(const std::string text, template_text(file, options));
  auto parsed = chat_template::ChatTemplate::parse(text);
  if (!parsed.ok()) return parsed.error().within(file.name() + ": chat template");
  model->chat_template_ = std::move(parsed).value();
  model->file_ = std::move(file);
  if (options.lock_in_memory) QUIPU_CHECK_OK(model->file_.lock_in_memory());
  return std::shared_ptr<const Model>(std::move(model));
}

}  // namespace quipu::engine
