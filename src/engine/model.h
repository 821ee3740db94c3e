// A loaded model: weights, vocabulary and chat template together.
#pragma once

#include <filesystem>
#include <memory>
#include <mutex>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "gguf/gguf.h"
#include "grammar/mask_cache.h"
#include "model/model.h"
#include "template/chat_template.h"
#include "tokenizer/tokenizer.h"

namespace quipu::engine {

using Token = tokenizer::Token;

// Immutable after loading; shared by engines and threads. The weights stay in the mapped file.
class Model {
 public:
  struct Options {
    Log log;
    bool lock_in_memory = false;     // --mlock
    std::string chat_template = {};  // a built-in's name or Jinja text; empty: the model's own, else ChatML
  };

  // A .gguf file; of a split model its first part.
  static Result<std::shared_ptr<const Model>> load(const std::filesystem::path& path, const Options& options);
  // Parts that were found inside other files, such as the weights of a single-file program.
  static Result<std::shared_ptr<const Model>> load(std::vector<gguf::Source> parts, const Options& options);

  [[nodiscard]] const model::Hyperparameters& hyperparameters() const { return weights_->hyperparameters(); }
  [[nodiscard]] const model::Model& weights() const { return *weights_; }
  [[nodiscard]] const tokenizer::Tokenizer& tokenizer() const { return *tokenizer_; }
  [[nodiscard]] const chat_template::ChatTemplate& chat_template() const { return *chat_template_; }
  [[nodiscard]] const std::string& chat_template_text() const { return chat_template_text_; }  // Jinja
  [[nodiscard]] const gguf::File& file() const { return file_; }
  // A grammar for this vocabulary, to be shared by all answers that follow it.
  [[nodiscard]] std::shared_ptr<grammar::MaskCache> compile(grammar::Grammar grammar) const;

 private:
  static Result<std::shared_ptr<const Model>> load(gguf::File file, const Options& options);

  gguf::File file_;
  std::unique_ptr<model::Model> weights_;
  std::optional<tokenizer::Tokenizer> tokenizer_;
  std::string chat_template_text_;
  std::optional<chat_template::ChatTemplate> chat_template_;
  mutable std::once_flag trie_once_;  // made when the first grammar asks for it
  mutable std::shared_ptr<const grammar::TokenTrie> trie_;
};

// Fills in what a chat template learns from elsewhere than the conversation: the texts of BOS and EOS, and the clock.
void set_template_surroundings(chat_template::RenderInput& input, const tokenizer::Tokenizer& tokenizer);

// The Jinja text that `choice` (as Model::Options::chat_template) means for a file, which may be a vocabulary alone.
Result<std::string> chat_template_text(const gguf::File& file, const std::string& choice, const Log& log);

}  // namespace quipu::engine
