// Sequences in files: Sequence::save and Engine::restore.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "engine/engine.h"

namespace quipu::engine {
namespace {

using testing::HasSubstr;

std::shared_ptr<const Model> smollm2() {
  static const auto model = Model::load(QUIPU_MODELS_DIR "/SmolLM2-135M-Instruct.Q4_1.gguf", {});
  return model.ok() ? *model : nullptr;
}

std::unique_ptr<Engine> engine_of(EngineOptions options = {}) {
  options.n_ctx = options.n_ctx == 8192 ? 256 : options.n_ctx;
  options.n_threads = 1;
  auto engine = Engine::create(smollm2(), options);
  EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message);
  return engine.ok() ? std::move(*engine) : nullptr;
}

std::vector<Token> prompt() {
  std::vector<Token> tokens;
  for (Token i = 0; i < 100; i++) tokens.push_back(1000 + 37 * i);
  return tokens;
}

Sequence read_prompt(Engine& engine) {
  Sequence sequence = engine.new_sequence();
  const auto tokens = prompt();
  const Work work{&sequence, tokens, Work::Logits::none};
  EXPECT_TRUE(engine.decode(std::span(&work, 1), {}).ok());
  return sequence;
}

std::vector<float> next_logits(Engine& engine, Sequence& sequence) {
  const Token token = 77;
  const Work work{&sequence, std::span(&token, 1)};
  std::vector<float> logits;
  EXPECT_TRUE(engine
                  .decode(std::span(&work, 1),
                          [&](size_t, size_t, std::span<const float> row) { logits.assign(row.begin(), row.end()); })
                  .ok());
  return logits;
}

std::string bytes_of(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

void write(const std::string& path, const std::string& bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

TEST(KvFile, ARestoredSequenceGoesOnWithTheSameLogits) {
  const auto path = testing::TempDir() + "kv_file_same.kv";
  for (const KvType type : {KvType::f32, KvType::f16, KvType::bf16, KvType::q8_0, KvType::q4_0}) {
    const auto engine = engine_of({.n_sequences = 2, .type_k = type, .type_v = type});
    Sequence first = read_prompt(*engine);
    ASSERT_TRUE(first.save(path).ok());
    const auto expected = next_logits(*engine, first);
    const auto another = engine_of({.type_k = type, .type_v = type});
    auto restored = another->restore(path);
    ASSERT_TRUE(restored.ok()) << restored.error().message;
    EXPECT_EQ(std::vector<Token>(restored->tokens().begin(), restored->tokens().end()), prompt());
    EXPECT_EQ(next_logits(*another, *restored), expected) << static_cast<int>(type);
  }
}

// What is left in a page from an earlier conversation must not get into the file.
TEST(KvFile, TheSameSequenceGivesTheSameFileWhateverWasInThePagesBefore) {
  const auto path = testing::TempDir() + "kv_file_clean.kv";
  const auto engine = engine_of();
  const Sequence clean = read_prompt(*engine);
  ASSERT_TRUE(clean.save(path).ok());
  const std::string expected = bytes_of(path);
  const auto used = engine_of();
  {
    Sequence before = used->new_sequence();
    const std::vector<Token> others(200, 4242);
    const Work work{&before, others, Work::Logits::none};
    ASSERT_TRUE(used->decode(std::span(&work, 1), {}).ok());
  }
  ASSERT_TRUE(read_prompt(*used).save(path).ok());
  EXPECT_EQ(bytes_of(path), expected);
}

TEST(KvFile, WhatDoesNotFitIsAnErrorThatSaysWhy) {
  const auto path = testing::TempDir() + "kv_file_bad.kv";
  const auto engine = engine_of();
  const auto error = [&](Engine& with) {
    const auto restored = with.restore(path);
    EXPECT_FALSE(restored.ok());
    return restored.ok() ? std::string() : restored.error().message;
  };
  std::filesystem::remove(path);
  EXPECT_EQ(engine->restore(path).error().kind, ErrorKind::not_found);
  write(path, "");
  EXPECT_THAT(error(*engine), HasSubstr("is no file of keys and values"));
  write(path, std::string(500, 'x'));
  EXPECT_THAT(error(*engine), HasSubstr("is no file of keys and values"));

  ASSERT_TRUE(read_prompt(*engine).save(path).ok());
  const std::string good = bytes_of(path);
  const auto changed = [&](size_t at, char to) {
    std::string bytes = good;
    bytes[at] = to;
    write(path, bytes);
    return error(*engine);
  };
  EXPECT_THAT(changed(8, 9), HasSubstr("has version 9"));
  EXPECT_THAT(changed(16, static_cast<char>(good[16] + 1)), HasSubstr("another model"));
  EXPECT_THAT(changed(24, 3), HasSubstr("type of KV cache"));
  EXPECT_THAT(changed(56, 1), HasSubstr("shape of KV cache"));
  EXPECT_THAT(changed(15, 127), HasSubstr("context"));
  EXPECT_THAT(changed(12, 99), HasSubstr("damaged"));
  EXPECT_THAT(changed(12, 1), HasSubstr("cut short or damaged"));
  EXPECT_THAT(changed(73, 99), HasSubstr("damaged"));
  EXPECT_THAT(changed(good.size() - 70000, static_cast<char>(good[good.size() - 70000] + 1)), HasSubstr("damaged"));
  for (const size_t n : {71u, 80u, 4000u}) {
    write(path, good.substr(0, n));
    EXPECT_FALSE(engine->restore(path).ok()) << n;
  }
  write(path, good.substr(0, good.size() - 1));
  EXPECT_THAT(error(*engine), HasSubstr("cut short"));
  write(path, good + "x");
  EXPECT_THAT(error(*engine), HasSubstr("damaged"));

  write(path, good);
  EXPECT_THAT(error(*engine_of({.type_k = KvType::q8_0})), HasSubstr("type of KV cache"));
  EXPECT_THAT(error(*engine_of({.precise = true})), HasSubstr("type of KV cache"));
  EXPECT_THAT(error(*engine_of({.n_ctx = 64})), HasSubstr("holds 100 tokens"));
  EXPECT_TRUE(engine->restore(path).ok());
}

TEST(KvFile, QuantisedCachesTakeLessMemory) {
  const uint64_t f16 = engine_of()->kv_bytes_per_token();
  EXPECT_EQ(engine_of({.type_k = KvType::q8_0, .type_v = KvType::q8_0})->kv_bytes_per_token() * 64, f16 * 34);
  EXPECT_EQ(engine_of({.type_k = KvType::q4_0, .type_v = KvType::q4_0})->kv_bytes_per_token() * 64, f16 * 18);
}

}  // namespace
}  // namespace quipu::engine
