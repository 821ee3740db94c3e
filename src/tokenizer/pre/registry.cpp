// Names that stand in `tokenizer.ggml.pre`, as llama.cpp's converter writes them.
#include <algorithm>
#include <string>

#include "tokenizer/pre/pre_tokenizer.h"

namespace quipu::tokenizer {

namespace {

constexpr PreTokenizer kDefault{
    {next_default_punctuation, next_gpt2_word, next_numbers, next_three_digits}, false, false};
constexpr PreTokenizer kGpt2{{next_gpt2_word}, false, false};
constexpr PreTokenizer kDigitsGpt2{{next_number, next_gpt2_word}, false, false};
constexpr PreTokenizer kLlama3{{next_llama3_word}, true, true};
constexpr PreTokenizer kLlama3Merges{{next_llama3_word}, false, false};
constexpr PreTokenizer kGlm4{{next_llama3_word}, true, false};
constexpr PreTokenizer kQwen2{{next_qwen2_word}, false, false};
constexpr PreTokenizer kFalcon{{next_falcon_punctuation, next_gpt2_word, next_three_digits}, false, false};

struct Entry {
  std::string_view name;
  const PreTokenizer* pre;
};

// By family; the name that gave it its file first.
constexpr Entry kEntries[] = {
    {"default", &kDefault},
    {"gpt-2", &kGpt2},
    {"a.x-4.0", &kGpt2},
    {"exaone4", &kGpt2},
    {"gigachat", &kGpt2},
    {"granite-docling", &kGpt2},
    {"jais", &kGpt2},
    {"jina-de", &kGpt2},
    {"jina-es", &kGpt2},
    {"jina-v1-en", &kGpt2},
    {"jina-v2-code", &kGpt2},
    {"jina-v2-de", &kGpt2},
    {"jina-v2-es", &kGpt2},
    {"mellum", &kGpt2},
    {"modern-bert", &kGpt2},
    {"mpt", &kGpt2},
    {"olmo", &kGpt2},
    {"phi-2", &kGpt2},
    {"roberta-bpe", &kGpt2},
    {"trillion", &kGpt2},
    {"smollm", &kDigitsGpt2},
    {"codeshell", &kDigitsGpt2},
    {"command-r", &kDigitsGpt2},
    {"exaone", &kDigitsGpt2},
    {"mellum2", &kDigitsGpt2},
    {"minerva-7b", &kDigitsGpt2},
    {"refact", &kDigitsGpt2},
    {"starcoder", &kDigitsGpt2},
    {"llama-bpe", &kLlama3},
    {"falcon-h1", &kLlama3},
    {"falcon3", &kLlama3},
    {"jina-v5-nano", &kLlama3},
    {"lfm2", &kLlama3},
    {"llama-v3", &kLlama3},
    {"llama3", &kLlama3},
    {"midm-2.0", &kLlama3},
    {"pixtral", &kLlama3},
    {"chatglm-bpe", &kLlama3Merges},
    {"dbrx", &kLlama3Merges},
    {"smaug-bpe", &kLlama3Merges},
    {"glm4", &kGlm4},
    {"glm5", &kGlm4},
    {"qwen2", &kQwen2},
    {"deepseek-r1-qwen", &kQwen2},
    {"f2llmv2", &kQwen2},
    {"grok-2", &kQwen2},
    {"hunyuan", &kQwen2},
    {"kormo", &kQwen2},
    {"megrez", &kQwen2},
    {"solar-open", &kQwen2},
    {"stablelm2", &kQwen2},
    {"falcon", &kFalcon},
};

}  // namespace

Result<PreTokenizer> find_pre_tokenizer(std::string_view name) {
  if (name.empty()) return kDefault;
  const auto it =
      std::find_if(std::begin(kEntries), std::end(kEntries), [&](const Entry& e) { return e.name == name; });
  if (it != std::end(kEntries)) return *it->pre;
  std::string known;
  for (const Entry& entry : kEntries) known.append(known.empty() ? "" : ", ").append(entry.name);
  return error_of(ErrorKind::unsupported, "tokenizer.ggml.pre names the unknown pre-tokeniser {:?}; known are {}",
                  name.substr(0, 64), known);
}

std::vector<std::string_view> pre_tokenizer_names() {
  std::vector<std::string_view> names;
  const PreTokenizer* previous = nullptr;
  for (const Entry& entry : kEntries) {
    if (entry.pre != previous) names.push_back(entry.name);
    previous = entry.pre;
  }
  return names;
}

}  // namespace quipu::tokenizer
