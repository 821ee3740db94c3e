// Whole forward passes on tiny models of unusual shapes. References: build/references/model, by numpy in float64
// (scripts/references/model_llama.py).
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>

#include "backend/cpu/isa.h"
#include "engine/engine.h"
#include "kernels/kernels.h"

namespace quipu::engine {
namespace {

using Json = nlohmann::json;

struct Reference {
  std::vector<Token> ids;
  std::vector<std::vector<double>> logits;  // [n_tokens][n_vocab]
};

std::string path_of(const std::string& name, const char* ending) {
  return QUIPU_REFERENCES_DIR "/model/" + name + ending;
}

Reference reference(const std::string& name) {
  std::ifstream in(path_of(name, ".json"));
  const Json json = Json::parse(in);
  return {json["ids"], json["logits"]};
}

std::shared_ptr<const Model> load(const std::string& name) {
  auto model = Model::load(path_of(name, ".gguf"), {});
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? *model : nullptr;
}

std::unique_ptr<Engine> engine_of(std::shared_ptr<const Model> model, EngineOptions options) {
  auto engine = Engine::create(std::move(model), options);
  EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message);
  return engine.ok() ? std::move(engine).value() : nullptr;
}

// The logits of every position when the ids come in pieces of `n_at_once`.
std::vector<std::vector<float>> run(Engine& engine, const std::vector<Token>& ids, size_t n_at_once) {
  std::vector<std::vector<float>> rows;
  Sequence sequence = engine.new_sequence();
  for (size_t i = 0; i < ids.size(); i += n_at_once) {
    const Work work{&sequence, std::span(ids).subspan(i, std::min(n_at_once, ids.size() - i)), Work::Logits::all};
    const Status status = engine.decode(std::span(&work, 1), [&](size_t, size_t, std::span<const float> logits) {
      rows.emplace_back(logits.begin(), logits.end());
    });
    EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
  }
  return rows;
}

double worst(const std::vector<std::vector<float>>& ours, const Reference& expected) {
  double worst = ours.size() == expected.logits.size() ? 0.0 : INFINITY;
  for (size_t t = 0; t < std::min(ours.size(), expected.logits.size()); t++)
    for (size_t i = 0; i < ours[t].size(); i++) worst = std::max(worst, std::fabs(ours[t][i] - expected.logits[t][i]));
  return worst;
}

const char* const kModels[] = {"plain",      "untied",        "biases",       "multi_head",   "multi_query",
                               "wide_heads", "unequal_heads", "partial_rope", "freq_factors", "odd_widths"};

// Logits are of size 8 or so; float32 sums of under 200 terms through two layers stay within some hundred units in
// the last place of that.
constexpr double kPrecise = 2e-4;
// bfloat16 weights and activations: 2^-9 relative each, over sums of random signs.
constexpr double kDefault = 0.25;

TEST(TinyModels, PreciseLogitsEqualNumpyForEveryShapeAndIsa) {
  for (const char* name : kModels) {
    const auto model = load(name);
    ASSERT_NE(model, nullptr) << name;
    const Reference expected = reference(name);
    for (const kernels::Isa isa : backend::cpu::available_isas())
      for (const size_t n_at_once : {70u, 1u, 17u}) {
        const auto engine = engine_of(
            model, {.n_ctx = 128, .n_threads = 2, .precise = true, .isa = std::string(kernels::isa_name(isa))});
        EXPECT_LT(worst(run(*engine, expected.ids, n_at_once), expected), kPrecise)
            << name << " " << kernels::isa_name(isa) << " " << n_at_once << " tokens at once";
      }
  }
}

TEST(TinyModels, DefaultLogitsAreNear) {
  for (const char* name : kModels) {
    const auto model = load(name);
    ASSERT_NE(model, nullptr) << name;
    const Reference expected = reference(name);
    for (const kernels::Isa isa : backend::cpu::available_isas())
      for (const size_t n_at_once : {70u, 1u}) {
        const auto engine =
            engine_of(model, {.n_ctx = 128, .n_threads = 2, .isa = std::string(kernels::isa_name(isa))});
        EXPECT_LT(worst(run(*engine, expected.ids, n_at_once), expected), kDefault)
            << name << " " << kernels::isa_name(isa) << " " << n_at_once << " tokens at once";
      }
  }
}

TEST(TinyModels, PreciseResultsAreTheSameForAnyThreadsAndBatch) {
  const auto model = load("plain");
  const Reference expected = reference("plain");
  const auto first = run(*engine_of(model, {.n_ctx = 128, .n_threads = 1, .precise = true}), expected.ids, 70);
  for (const int n_threads : {2, 3, 8})
    for (const size_t n_at_once : {70u, 33u, 1u})
      EXPECT_EQ(
          run(*engine_of(model, {.n_ctx = 128, .n_threads = n_threads, .precise = true}), expected.ids, n_at_once),
          first)
          << n_threads << " threads, " << n_at_once << " at once";
}

TEST(TinyModels, DefaultResultsAreTheSameForAnyThreads) {
  const auto model = load("untied");
  const Reference expected = reference("untied");
  for (const size_t n_at_once : {70u, 5u, 1u}) {
    const auto first = run(*engine_of(model, {.n_ctx = 128, .n_threads = 1}), expected.ids, n_at_once);
    for (const int n_threads : {2, 3, 8})
      EXPECT_EQ(run(*engine_of(model, {.n_ctx = 128, .n_threads = n_threads}), expected.ids, n_at_once), first)
          << n_threads << " threads, " << n_at_once << " at once";
  }
}

TEST(TinyModels, SequencesInOnePassDoNotSeeEachOther) {
  const auto model = load("plain");
  const Reference expected = reference("plain");
  const auto engine = engine_of(model, {.n_ctx = 128, .n_sequences = 3, .n_threads = 2, .precise = true});
  const auto alone = run(*engine, expected.ids, expected.ids.size());
  std::vector<Sequence> sequences;
  for (int i = 0; i < 3; i++) sequences.push_back(engine->new_sequence());
  const std::span ids(expected.ids);
  const std::vector<Work> prompts{{&sequences[0], ids.subspan(0, 40), Work::Logits::last},
                                  {&sequences[1], ids.subspan(0, 3), Work::Logits::none},
                                  {&sequences[2], ids.subspan(0, 69), Work::Logits::last}};
  size_t n_rows = 0;
  ASSERT_TRUE(engine
                  ->decode(prompts,
                           [&](size_t index, size_t position, std::span<const float> logits) {
                             n_rows++;
                             EXPECT_NE(index, 1u);
                             EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), alone[position]);
                           })
                  .ok());
  EXPECT_EQ(n_rows, 2u);
}

TEST(TinyModels, AForkGoesItsOwnWay) {
  const auto model = load("plain");
  const Reference expected = reference("plain");
  const auto engine = engine_of(model, {.n_ctx = 128, .n_sequences = 2, .n_threads = 2, .precise = true});
  const auto alone = run(*engine, expected.ids, expected.ids.size());
  Sequence first = engine->new_sequence();
  const std::span ids(expected.ids);
  const Work prompt{&first, ids.subspan(0, 30), Work::Logits::none};
  ASSERT_TRUE(engine->decode(std::span(&prompt, 1), {}).ok());
  Sequence second = first.fork();
  const std::vector<Token> other(5, 7);
  const std::vector<Work> next{{&second, other, Work::Logits::none}, {&first, ids.subspan(30), Work::Logits::last}};
  ASSERT_TRUE(engine
                  ->decode(next,
                           [&](size_t, size_t, std::span<const float> logits) {
                             EXPECT_EQ(std::vector<float>(logits.begin(), logits.end()), alone.back());
                           })
                  .ok());
  EXPECT_EQ(second.tokens().size(), 35u);
}

TEST(TinyModels, AFullContextIsAnError) {
  const auto engine = engine_of(load("plain"), {.n_ctx = 10});
  Sequence sequence = engine->new_sequence();
  const std::vector<Token> ids(11, 5);
  const Work work{&sequence, ids, Work::Logits::last};
  const Status status = engine->decode(std::span(&work, 1), {});
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::limit_exceeded);
}

TEST(TinyModels, GenerateReusesTheCommonPrefixAndStopsWhenFull) {
  const auto model = load("plain");
  const auto engine = engine_of(model, {.n_ctx = 64});
  Sequence sequence = engine->new_sequence();
  GenerateOptions options;
  options.sampling.temperature = 0.0f;
  options.n_predict = 8;
  options.ignore_end = true;
  std::vector<Token> prompt(20, 9);
  const auto first = generate(*engine, sequence, prompt, options, {});
  ASSERT_TRUE(first.ok());
  EXPECT_EQ(first->finish, Finish::length);
  EXPECT_EQ(first->tokens.size(), 8u);
  EXPECT_EQ(first->n_cached, 0u);
  const auto again = generate(*engine, sequence, prompt, options, {});
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->n_cached, 19u);
  EXPECT_EQ(again->tokens, first->tokens);
  options.n_predict = -2;
  const auto full = generate(*engine, sequence, prompt, options, {});
  ASSERT_TRUE(full.ok());
  EXPECT_EQ(full->finish, Finish::context_full);
  EXPECT_EQ(full->tokens.size(), 64u - 20u + 1u);
}

TEST(TinyModels, AStopRequestEndsTheAnswer) {
  const auto engine = engine_of(load("plain"), {.n_ctx = 128});
  Sequence sequence = engine->new_sequence();
  GenerateOptions options;
  options.n_predict = -2;
  std::stop_source source;
  size_t n_texts = 0;
  const std::vector<Token> prompt(3, 70);
  const auto result = generate(
      *engine, sequence, prompt, options,
      [&](std::string_view) {
        if (++n_texts == 4) source.request_stop();
        return true;
      },
      source.get_token());
  ASSERT_TRUE(result.ok());
  EXPECT_EQ(result->finish, Finish::cancelled);
}

TEST(TinyModels, BadPromptsAreErrors) {
  const auto engine = engine_of(load("plain"), {.n_ctx = 16});
  Sequence sequence = engine->new_sequence();
  for (const std::vector<Token>& prompt :
       {std::vector<Token>{}, std::vector<Token>{-1}, std::vector<Token>{90}, std::vector<Token>(17, 5)})
    EXPECT_FALSE(generate(*engine, sequence, prompt, {}, {}).ok());
}

TEST(Engine, AnUnknownIsaIsAnErrorThatListsTheKnown) {
  const auto engine = Engine::create(load("plain"), {.isa = "sse9"});
  ASSERT_FALSE(engine.ok());
  for (const kernels::Isa isa : kernels::all_isas()) {
    EXPECT_NE(engine.error().message.find(kernels::isa_name(isa)), std::string::npos) << engine.error().message;
  }
}

TEST(Engine, AContextBeyondMemoryIsAnErrorWithBothFigures) {
  const auto engine = Engine::create(load("plain"), {.n_ctx = 4000000000u});
  ASSERT_FALSE(engine.ok());
  EXPECT_EQ(engine.error().kind, ErrorKind::out_of_memory);
  EXPECT_NE(engine.error().message.find("GiB"), std::string::npos) << engine.error().message;
}

}  // namespace
}  // namespace quipu::engine
