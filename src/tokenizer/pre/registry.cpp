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
constexpr PreTokenizer kBloom{{next_bloom_word}, false, false};
constexpr PreTokenizer kViking{{next_bloom_word, next_number}, false, false};
constexpr PreTokenizer kDeepseekLlm{
    {next_line_break, next_cased_letters, next_llm_punctuation, next_trailing_space, next_han_or_hangul, next_numbers},
    false,
    false};
constexpr PreTokenizer kDeepseekCoder{
    {next_line_break, next_letters, next_punctuation, next_han_or_hangul, next_number}, false, false};
constexpr PreTokenizer kDeepseek3{{next_up_to_three_numbers, next_han_or_kana, next_deepseek3_word}, false, false};
constexpr PreTokenizer kGpt4o{{next_gpt4o_word}, false, false};
constexpr PreTokenizer kGpt4oWholeWords{{next_gpt4o_word}, true, false};
constexpr PreTokenizer kTekken{{next_tekken_word}, true, true};
constexpr PreTokenizer kYoutu{{next_youtu_script, next_youtu_word}, true, false};
constexpr PreTokenizer kKimi{{next_kimi_word}, false, false};
constexpr PreTokenizer kQwen35{{next_qwen35_word}, false, false};
constexpr PreTokenizer kMinicpm5{{next_up_to_three_numbers, next_minicpm5_word}, true, false};
constexpr PreTokenizer kSeedCoder{{next_seed_coder_word}, false, false};
constexpr PreTokenizer kUfakzeka{{next_ufakzeka_word}, false, false};

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
    {"bailingmoe", &kQwen2},
    {"bailingmoe2", &kQwen2},
    {"llada-moe", &kQwen2},
    {"falcon", &kFalcon},
    {"qwen35", &kQwen35},
    {"deepseek-llm", &kDeepseekLlm},
    {"deepseek-coder", &kDeepseekCoder},
    {"deepseek-v3", &kDeepseek3},
    {"hunyuan-dense", &kDeepseek3},
    {"hy_v4", &kDeepseek3},
    {"joyai-llm", &kDeepseek3},
    {"gpt-4o", &kGpt4o},
    {"kanana2", &kGpt4o},
    {"llama4", &kGpt4o},
    {"minimax-m2", &kGpt4o},
    {"talkie", &kGpt4o},
    {"granite-embed-multi-97m", &kGpt4oWholeWords},
    {"tekken", &kTekken},
    {"youtu", &kYoutu},
    {"kimi-k2", &kKimi},
    {"minicpm5", &kMinicpm5},
    {"seed-coder", &kSeedCoder},
    {"ufakzeka", &kUfakzeka},
    {"bloom", &kBloom},
    {"gpt3-finnish", &kBloom},
    {"poro-chat", &kBloom},
    {"viking", &kViking},
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
