// Equal to independent programs on real vocabularies: Hugging Face's tokenizers, sentencepiece, llama.cpp's own lists.
#include <gtest/gtest.h>

#include <sstream>

#include "gguf/gguf.h"
#include "tests/tokenizer/records.h"
#include "tokenizer/tokenizer.h"

namespace quipu::tokenizer {
namespace {

Result<Tokenizer> load(const std::filesystem::path& path) {
  QUIPU_TRY(const auto file, gguf::File::open(path));
  return Tokenizer::from_gguf(file);
}

std::string shown(const Tokenizer& tokenizer, const std::vector<Token>& tokens) {
  std::string text;
  for (const Token token : tokens) {
    text += std::to_string(token) + " '" + std::string(tokenizer.bytes(token, true)) + "' ";
    if (text.size() > 2000) break;
  }
  return text;
}

struct Case {
  const char* name;  // of the records, build/references/tokenizer/NAME.bin
  std::filesystem::path vocabulary;
  size_t min_records;
};

void PrintTo(const Case& c, std::ostream* out) {
  *out << c.name;
}

class Reference : public testing::TestWithParam<Case> {};

TEST_P(Reference, EveryTextGivesTheSameTokens) {
  const Case& c = GetParam();
  const auto path = reference_path(std::string(c.name) + ".bin");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "no reference values: run scripts/references.sh tokenizer_ids";
  const auto tokenizer = load(c.vocabulary);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const std::vector<Record> records = read_records(path);
  ASSERT_GE(records.size(), c.min_records);
  size_t n_bytes = 0, n_different = 0;
  for (const Record& record : records) {
    n_bytes += record.text.size();
    const std::vector<Token> tokens = tokenizer->encode(record.text, record.options);
    if (tokens == record.tokens) continue;
    if (++n_different <= 5) {
      ADD_FAILURE() << record.text.substr(0, 2000) << "\nparse_special " << record.options.parse_special << "\nours "
                    << shown(*tokenizer, tokens) << "\nreference " << shown(*tokenizer, record.tokens);
    }
  }
  EXPECT_EQ(n_different, 0u) << "of " << records.size() << " texts";
  RecordProperty("bytes", static_cast<int>(n_bytes));
}

INSTANTIATE_TEST_SUITE_P(
    Vocabularies, Reference,
    testing::Values(Case{"llama-3.1", reference_path("llama-3.1.gguf"), 16000},
                    Case{"smollm2", std::filesystem::path(QUIPU_MODELS_DIR) / "SmolLM2-135M-Instruct.Q4_1.gguf", 16000},
                    Case{"llama-spm", llama_cpp_models() / "ggml-vocab-llama-spm.gguf", 4000},
                    Case{"phi-3", llama_cpp_models() / "ggml-vocab-phi-3.gguf", 4000},
                    Case{"baichuan", llama_cpp_models() / "ggml-vocab-baichuan.gguf", 4000}),
    [](const auto& param) {
      std::string name = param.param.name;
      std::replace_if(
          name.begin(), name.end(), [](char c) { return c == '-' || c == '.'; }, '_');
      return name;
    });

// llama.cpp keeps texts and the ids that the models' own tokenizers gave (through transformers) beside its
// vocabularies.
class LlamaCppList : public testing::TestWithParam<const char*> {};

TEST_P(LlamaCppList, EveryTextGivesTheListedTokens) {
  const auto path = llama_cpp_models() / ("ggml-vocab-" + std::string(GetParam()) + ".gguf");
  if (!std::filesystem::exists(path)) GTEST_SKIP() << "not fetched: run scripts/references.sh tokenizer_ids";
  const auto tokenizer = load(path);
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().message;
  const std::string separator = "\n__ggml_vocab_test__\n";
  std::string texts = file_bytes(path.string() + ".inp");
  std::istringstream lists(file_bytes(path.string() + ".out"));
  std::string line;
  size_t n = 0;
  while (std::getline(lists, line)) {
    const size_t end = std::min(texts.find(separator), texts.size());
    const std::string text = texts.substr(0, end);
    texts.erase(0, end + separator.size());
    std::istringstream numbers(line);
    const std::vector<Token> expected{std::istream_iterator<Token>(numbers), {}};
    const auto tokens = tokenizer->encode(text, {});
    EXPECT_EQ(tokens, expected) << text << "\nours " << shown(*tokenizer, tokens) << "\nlisted "
                                << shown(*tokenizer, expected);
    ++n;
  }
  EXPECT_GE(n, 40u);
}

INSTANTIATE_TEST_SUITE_P(Vocabularies, LlamaCppList,
                         testing::Values("llama-bpe", "gpt-2", "qwen2", "llama-spm", "phi-3", "mpt", "falcon",
                                         "starcoder", "refact", "command-r", "qwen35", "deepseek-llm",
                                         "deepseek-coder"),
                         [](const auto& param) {
                           std::string name = param.param;
                           std::replace(name.begin(), name.end(), '-', '_');
                           return name;
                         });

}  // namespace
}  // namespace quipu::tokenizer
