// Answers that follow a grammar, on the real model.
#include <gtest/gtest.h>

#include <filesystem>

#include "engine/engine.h"

namespace quipu::engine {
namespace {

class GrammarTest : public testing::Test {
 protected:
  void SetUp() override {
    const std::filesystem::path path = QUIPU_MODELS_DIR "/SmolLM2-135M-Instruct.Q4_1.gguf";
    if (!std::filesystem::exists(path)) GTEST_SKIP() << path << " is missing: make llamafile fetches it";
    model_ = *Model::load(path, {});
    engine_ = *Engine::create(model_, {.n_ctx = 256});
  }
  Result<std::pair<std::string, Finish>> answer(const std::string& gbnf, bool ignore_end = false) {
    GenerateOptions options;
    options.n_predict = 100;
    options.ignore_end = ignore_end;
    options.grammar = model_->compile(*grammar::Grammar::from_gbnf(gbnf));
    auto sequence = engine_->new_sequence();
    const auto prompt = model_->tokenizer().encode("Name a colour:", {});
    std::string text;
    const auto on_text = [&](std::string_view piece) { return text += piece, true; };
    QUIPU_TRY(const auto generated, generate(*engine_, sequence, prompt, options, on_text));
    return std::pair(text, generated.finish);
  }
  std::shared_ptr<const Model> model_;
  std::unique_ptr<Engine> engine_;
};

TEST_F(GrammarTest, TheTextIsOneOfTheGrammar) {
  const auto said = answer(R"(root ::= "qzx \"1\"\n" "ünïcödé 日本")");
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_EQ(said->first, "qzx \"1\"\nünïcödé 日本");
  EXPECT_EQ(said->second, Finish::end);
}

TEST_F(GrammarTest, ItsEndIsTheEnd) {
  const auto said = answer(R"(root ::= "red" | "green")", true);
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_TRUE(said->first == "red" || said->first == "green") << said->first;
}

TEST_F(GrammarTest, ItIsKeptUpToTheLimitOfTokens) {
  const auto said = answer(R"(root ::= "a"* "b"{1000})");
  ASSERT_TRUE(said.ok()) << said.error().message;
  EXPECT_EQ(said->second, Finish::length);
  EXPECT_EQ(said->first.find_first_not_of("ab"), std::string::npos);
}

}  // namespace
}  // namespace quipu::engine
