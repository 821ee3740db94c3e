// The scheduler with a real model (SmolLM2).
#include "engine/scheduler.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <numeric>
#include <thread>

namespace quipu::engine {
namespace {

std::shared_ptr<const Model> smollm2() {
  static const auto model = [] {
    auto loaded = Model::load(QUIPU_MODELS_DIR "/SmolLM2-135M-Instruct.Q4_1.gguf", {});
    EXPECT_TRUE(loaded.ok()) << (loaded.ok() ? "" : loaded.error().message);
    return loaded.ok() ? *loaded : nullptr;
  }();
  return model;
}

std::unique_ptr<Engine> engine_of(EngineOptions options) {
  if (options.n_threads == 0) options.n_threads = 1;
  auto engine = Engine::create(smollm2(), options);
  EXPECT_TRUE(engine.ok()) << (engine.ok() ? "" : engine.error().message);
  return engine.ok() ? std::move(*engine) : nullptr;
}

std::vector<Token> tokens_of(const std::string& text) {
  return smollm2()->tokenizer().encode(text, {.parse_special = true, .add_special = true});
}

std::string chat_prompt(const std::string& question) {
  return "<|im_start|>user\n" + question + "<|im_end|>\n<|im_start|>assistant\n";
}

Request request_of(const std::string& text, int64_t n_predict = 24) {
  Request request;
  request.prompt = tokens_of(text);
  request.options.n_predict = n_predict;
  request.options.sampling.seed = 42;
  return request;
}

// `n_tokens` tokens of a text that differs by `seed`.
std::vector<Token> long_prompt(size_t n_tokens, uint32_t seed) {
  std::string text;
  uint32_t state = seed * 2654435761u + 1;
  const char* const words[] = {"river", "stone", "cloud", "night", "green", "seven", "morning", "letter"};
  std::vector<Token> tokens;
  while (tokens.size() < n_tokens) {
    for (int i = 0; i < 64; i++) {
      state = state * 1664525u + 1013904223u;
      text += std::string(words[state >> 29]) + " ";
    }
    tokens = tokens_of(text);
  }
  tokens.resize(n_tokens);
  return tokens;
}

// Collects what a listener hears, and waits for the end.
class Heard {
 public:
  Listener listener() {
    Listener to;
    to.on_prompt = [this](size_t n_done, size_t n_total) {
      const std::lock_guard lock(mutex_);
      prompt.emplace_back(n_done, n_total);
    };
    to.on_prompt_logprobs = [this](size_t first, std::span<const TokenLogprobs> some) {
      const std::lock_guard lock(mutex_);
      EXPECT_TRUE(tokens.empty());
      if (prompt_logprobs.empty()) first_logprob = first;
      EXPECT_EQ(first, first_logprob + prompt_logprobs.size());
      prompt_logprobs.insert(prompt_logprobs.end(), some.begin(), some.end());
    };
    to.on_token = [this](const TokenEvent& event) {
      const std::lock_guard lock(mutex_);
      text += event.text;
      if (event.token) tokens.push_back(*event.token), logprobs.push_back(*event.logprobs);
      changed_.notify_all();
    };
    to.on_done = [this](Result<Answered> answered) {
      const std::lock_guard lock(mutex_);
      EXPECT_FALSE(result.has_value()) << "on_done was called twice";
      result = std::move(answered);
      changed_.notify_all();
    };
    return to;
  }
  Answered& wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return result.has_value(); });
    EXPECT_TRUE(result->ok()) << (result->ok() ? "" : result->error().message);
    return **result;
  }
  Error wait_for_error() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return result.has_value(); });
    EXPECT_FALSE(result->ok());
    return result->ok() ? Error{} : result->error();
  }
  void wait_for_tokens(size_t n) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return tokens.size() >= n || result.has_value(); });
  }

  std::vector<std::pair<size_t, size_t>> prompt;
  size_t first_logprob = 0;
  std::vector<TokenLogprobs> prompt_logprobs, logprobs;
  std::vector<Token> tokens;
  std::string text;
  std::optional<Result<Answered>> result;

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
};

TEST(Scheduler, ABlockingCallGivesTheTextOfGenerate) {
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 4, .precise = true});
  const Request request = request_of(chat_prompt("What is the capital of France?"));
  std::string alone;
  Sequence sequence = engine->new_sequence();
  const auto generated = generate(*engine, sequence, request.prompt, request.options, [&](std::string_view text) {
    alone += text;
    return true;
  });
  ASSERT_TRUE(generated.ok());
  Scheduler scheduler(*engine, {});
  std::string text;
  const auto answered = scheduler.run(request, [&](std::string_view piece) {
    text += piece;
    return true;
  });
  ASSERT_TRUE(answered.ok()) << answered.error().message;
  EXPECT_EQ(text, alone);
  ASSERT_EQ(answered->answers.size(), 1u);
  EXPECT_EQ(answered->answers[0].tokens, generated->tokens);
  EXPECT_EQ(answered->answers[0].finish, generated->finish);
  EXPECT_EQ(answered->usage.n_prompt, request.prompt.size());
}

TEST(Scheduler, SixteenAtOnceGiveTheTextsThatTheyGiveAlone) {
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 16, .precise = true});
  std::vector<Request> requests;
  for (int i = 0; i < 16; i++) {
    Request request = request_of(chat_prompt("Tell me " + std::to_string(i) + " things about the number " +
                                             std::to_string(7 * i) + std::string(static_cast<size_t>(3 * i), '.')));
    request.options.sampling.seed = static_cast<uint64_t>(100 + i);
    request.options.n_predict = 4 + i / 2;
    requests.push_back(request);
  }
  std::vector<std::vector<Token>> alone;
  for (const Request& request : requests) {
    Sequence sequence = engine->new_sequence();
    const auto generated = generate(*engine, sequence, request.prompt, request.options, {});
    ASSERT_TRUE(generated.ok());
    alone.push_back(generated->tokens);
  }
  Scheduler scheduler(*engine, {.n_batch = 64});
  std::vector<Heard> heard(16);
  for (size_t i = 0; i < 16; i++) ASSERT_TRUE(scheduler.submit(requests[i], heard[i].listener()).ok());
  for (size_t i = 0; i < 16; i++) EXPECT_EQ(heard[i].wait().answers[0].tokens, alone[i]) << i;
  EXPECT_EQ(scheduler.stats().n_finished, 16u);
}

TEST(Scheduler, ARepeatedSystemPromptIsNotComputedAgain) {
  const auto engine = engine_of({.n_ctx = 2560, .n_sequences = 2});
  Scheduler scheduler(*engine, {});
  auto prompt = long_prompt(2000, 1);
  Request request = request_of("x", 2);
  for (const auto& [question, n_cached] : {std::pair("one", 0u), std::pair("another", 2000u)}) {
    request.prompt = prompt;
    const auto more = tokens_of(question);
    request.prompt.insert(request.prompt.end(), more.begin(), more.end());
    Heard heard;
    ASSERT_TRUE(scheduler.submit(request, heard.listener()).ok());
    EXPECT_EQ(heard.wait().usage.n_cached, n_cached);
  }
  const auto stats = scheduler.stats();
  EXPECT_EQ(stats.n_prefix_lookups, 2u);
  EXPECT_EQ(stats.n_prefix_hits, 1u);
  EXPECT_EQ(stats.n_cached_tokens, 2000u);
}

TEST(Scheduler, APromptThatManyShareIsComputedOnce) {
  const auto engine = engine_of({.n_ctx = 1024, .n_sequences = 8});
  Scheduler scheduler(*engine, {});
  const auto prompt = long_prompt(640, 2);
  std::vector<Heard> heard(6);
  for (size_t i = 0; i < 6; i++) {
    Request request = request_of("x", 3);
    request.prompt = prompt;
    request.prompt.push_back(static_cast<Token>(100 + i));
    request.client = std::to_string(i);
    ASSERT_TRUE(scheduler.submit(request, heard[i].listener()).ok());
  }
  for (auto& one : heard) one.wait();
  const auto stats = scheduler.stats();
  // The prompt once, and the last token of each and what was drawn.
  EXPECT_LT(stats.n_step_tokens, 640u + 6 * 5);
}

TEST(Scheduler, SeveralAnswersShareThePrompt) {
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 6, .precise = true});
  Scheduler scheduler(*engine, {});
  Request request = request_of(chat_prompt("Name an animal, and say why."), 16);
  request.options.sampling.temperature = 1.5f;
  request.n_answers = 4;
  Heard heard;
  ASSERT_TRUE(scheduler.submit(request, heard.listener()).ok());
  const Answered& answered = heard.wait();
  ASSERT_EQ(answered.answers.size(), 4u);
  EXPECT_EQ(answered.seed, 42u);
  for (uint32_t i = 0; i < 4; i++) {
    Request alone = request;
    alone.n_answers = 1;
    alone.options.sampling.seed = 42 + i;
    const auto one = scheduler.run(alone, OnText());
    ASSERT_TRUE(one.ok());
    EXPECT_EQ(one->answers[0].tokens, answered.answers[i].tokens) << i;
  }
  EXPECT_NE(answered.answers[0].tokens, answered.answers[1].tokens);
  EXPECT_LT(scheduler.stats().n_step_tokens, request.prompt.size() + 8 * 20);
}

TEST(Scheduler, CancelEndsARequestAndLetsOthersGoOn) {
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 4, .n_threads = 2});
  Scheduler scheduler(*engine, {});
  Request endless = request_of("Once upon a time", -2);
  Heard first, second;
  const auto id = scheduler.submit(endless, first.listener());
  ASSERT_TRUE(id.ok());
  ASSERT_TRUE(scheduler.submit(request_of("One, two,", 40), second.listener()).ok());
  first.wait_for_tokens(5);
  scheduler.cancel(*id);
  const auto& answered = first.wait();
  EXPECT_EQ(answered.answers[0].finish, Finish::cancelled);
  EXPECT_LT(answered.answers[0].tokens.size(), 200u);
  EXPECT_EQ(answered.answers[0].tokens, first.tokens);
  EXPECT_NE(second.wait().answers[0].finish, Finish::cancelled);
  EXPECT_EQ(scheduler.stats().n_cancelled, 1u);
}

TEST(Scheduler, ADeadlineEndsARequest) {
  const auto engine = engine_of({.n_ctx = 2048});
  Scheduler scheduler(*engine, {});
  Request endless = request_of("Once upon a time", -2);
  endless.timeout_ms = 300;
  const auto answered = scheduler.run(endless, OnText());
  ASSERT_TRUE(answered.ok());
  EXPECT_EQ(answered->answers[0].finish, Finish::deadline);
  EXPECT_EQ(scheduler.stats().n_deadline, 1u);
}

TEST(Scheduler, ACallerThatHasEnoughStopsIt) {
  const auto engine = engine_of({.n_ctx = 2048});
  Scheduler scheduler(*engine, {});
  size_t n_texts = 0;
  const auto answered =
      scheduler.run(request_of("Once upon a time", -2), [&](std::string_view) { return ++n_texts < 5; });
  ASSERT_TRUE(answered.ok());
  EXPECT_EQ(answered->answers[0].finish, Finish::cancelled);
  EXPECT_EQ(n_texts, 5u);
}

TEST(Scheduler, ACallerIsAskedWhetherToStopAlsoWhileItWaits) {
  const auto engine = engine_of({.n_ctx = 2048});
  Scheduler scheduler(*engine, {.n_parallel = 1});
  Heard heard;
  const auto busy = scheduler.submit(request_of("Once upon a time", -2), heard.listener());
  ASSERT_TRUE(busy.ok());
  size_t n_asked = 0;
  const auto answered = scheduler.run(request_of("Twice", -2), Listener(), {}, [&] { return ++n_asked == 3; });
  ASSERT_TRUE(answered.ok());
  EXPECT_EQ(answered->answers[0].finish, Finish::cancelled);
  EXPECT_TRUE(answered->answers[0].tokens.empty());
  EXPECT_EQ(n_asked, 3u);
  scheduler.cancel(*busy);
  heard.wait();
}

TEST(Scheduler, AFullQueueKeepsNoOtherClientOut) {
  const auto engine = engine_of({.n_ctx = 256});
  std::vector<Heard> greedy(4);
  Heard modest;
  Scheduler scheduler(*engine, {.n_parallel = 1, .n_queue = 3});
  const auto of = [](const char* client, int64_t n_predict) {
    Request request = request_of("Once", n_predict);
    request.client = client;
    return request;
  };
  ASSERT_TRUE(scheduler.submit(of("greedy", -2), greedy[0].listener()).ok());
  greedy[0].wait_for_tokens(2);  // after the first step it counts as running
  for (size_t i = 1; i < 4; i++) ASSERT_TRUE(scheduler.submit(of("greedy", 4), greedy[i].listener()).ok());
  EXPECT_EQ(scheduler.submit(of("greedy", 4), {}).error().kind, ErrorKind::busy);
  // Takes the place of the last one.
  ASSERT_TRUE(scheduler.submit(of("modest", 4), modest.listener()).ok());
  EXPECT_EQ(modest.wait().answers[0].tokens.size(), 4u);
  EXPECT_EQ(greedy[3].wait_for_error().kind, ErrorKind::busy);
  for (size_t i = 0; i < 3; i++) greedy[i].wait();
  EXPECT_EQ(scheduler.stats().n_rejected, 2u);
  EXPECT_EQ(scheduler.stats().n_failed, 0u);
}

TEST(Scheduler, AFullQueueAndBadRequestsAreErrorsAtOnce) {
  const auto engine = engine_of({.n_ctx = 256});
  std::vector<Heard> heard(2);
  Scheduler scheduler(*engine, {.n_parallel = 1, .n_queue = 1});
  for (auto& one : heard) ASSERT_TRUE(scheduler.submit(request_of("Once", -2), one.listener()).ok());
  const auto refused = scheduler.submit(request_of("Once"), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().kind, ErrorKind::busy);
  for (auto& one : heard) EXPECT_EQ(one.wait().answers[0].finish, Finish::context_full);

  Request request = request_of("x");
  request.prompt.assign(257, 5);
  EXPECT_EQ(scheduler.submit(request, {}).error().kind, ErrorKind::limit_exceeded);
  request.prompt = {49152};
  EXPECT_EQ(scheduler.submit(request, {}).error().kind, ErrorKind::invalid_input);
  request.prompt = {};
  EXPECT_EQ(scheduler.submit(request, {}).error().kind, ErrorKind::invalid_input);
  request = request_of("x");
  request.options.sampling.temperature = -1.0f;
  EXPECT_EQ(scheduler.submit(request, {}).error().kind, ErrorKind::invalid_input);
}

TEST(Scheduler, LogprobsOfThePromptAreThoseOfDecode) {
  const auto engine = engine_of({.n_ctx = 1024, .n_sequences = 2, .precise = true});
  const auto prompt = long_prompt(300, 3);
  std::vector<float> expected{0.0f};
  Sequence sequence = engine->new_sequence();
  const Work work{&sequence, prompt, Work::Logits::all};
  ASSERT_TRUE(engine
                  ->decode(std::span(&work, 1),
                           [&](size_t, size_t position, std::span<const float> logits) {
                             if (position + 1 < prompt.size())
                               expected.push_back(sample::LogSoftmax::of(logits)->logprob(prompt[position + 1]));
                           })
                  .ok());
  Scheduler scheduler(*engine, {});
  for (const size_t begin : {0u, 1u, 200u, 300u}) {
    Request request;
    request.prompt = prompt;
    request.options.n_predict = 0;
    request.prompt_logprobs_begin = begin;
    request.n_top_logprobs = 3;
    Heard heard;
    ASSERT_TRUE(scheduler.submit(request, heard.listener()).ok());
    const auto& answered = heard.wait();
    EXPECT_EQ(answered.answers[0].finish, Finish::length);
    EXPECT_TRUE(heard.tokens.empty());
    ASSERT_EQ(heard.prompt_logprobs.size(), 300u - begin);
    for (size_t i = std::max<size_t>(begin, 1); i < 300; i++) {
      EXPECT_EQ(heard.prompt_logprobs[i - begin].logprob, expected[i]) << begin << " " << i;
      EXPECT_EQ(heard.prompt_logprobs[i - begin].top.size(), 3u);
    }
    if (begin == 0) {
      EXPECT_TRUE(std::isnan(heard.prompt_logprobs[0].logprob));
    }
    if (begin == 200) {
      EXPECT_EQ(answered.usage.n_cached, 199u);
    }
  }
}

TEST(Scheduler, AnEmbeddingIsTheSameInOneStepAndInMany) {
  const auto engine = engine_of({.n_ctx = 1024, .n_sequences = 4, .precise = true});
  const auto prompt = long_prompt(150, 4);
  std::vector<std::vector<float>> hidden;
  Sequence sequence = engine->new_sequence();
  const Work work{&sequence, prompt, Work::Logits::all, true};
  ASSERT_TRUE(
      engine
          ->decode(std::span(&work, 1),
                   [&](size_t, size_t, std::span<const float> row) { hidden.emplace_back(row.begin(), row.end()); })
          .ok());
  ASSERT_EQ(hidden.size(), 150u);
  ASSERT_EQ(hidden[0].size(), smollm2()->hyperparameters().n_embd);
  std::vector<float> mean;
  for (size_t i = 0; i < hidden[0].size(); i++) {
    double sum = 0.0;
    for (const auto& row : hidden) sum += static_cast<double>(row[i]);
    mean.push_back(static_cast<float>(sum / 150.0));
  }
  for (const uint32_t n_batch : {512u, 16u}) {
    Scheduler scheduler(*engine, {.n_batch = n_batch});
    for (const Pooling pooling : {Pooling::mean, Pooling::last}) {
      Request request;
      request.prompt = prompt;
      request.embedding = pooling;
      const auto answered = scheduler.run(request, OnText());
      ASSERT_TRUE(answered.ok());
      EXPECT_EQ(answered->embedding, pooling == Pooling::mean ? mean : hidden.back());
      EXPECT_TRUE(answered->answers.empty());
    }
  }
}

TEST(Scheduler, GrammarsInParallelAreKept) {
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 8, .n_threads = 2});
  Scheduler scheduler(*engine, {});
  const auto grammar =
      smollm2()->compile(*grammar::Grammar::from_gbnf("root ::= (\"yes\" | \"no\") \", \" [0-9]+ \".\""));
  std::vector<Heard> heard(8);
  for (size_t i = 0; i < 8; i++) {
    Request request = request_of(chat_prompt("How much is " + std::to_string(i) + "?"), 20);
    request.options.grammar = grammar;
    request.options.sampling.seed = i;
    ASSERT_TRUE(scheduler.submit(request, heard[i].listener()).ok());
  }
  for (auto& one : heard) {
    const auto& answered = one.wait();
    if (answered.answers[0].finish == Finish::end)
      EXPECT_THAT(one.text, testing::MatchesRegex("(yes|no), [0-9]+\\."));
    else
      EXPECT_EQ(answered.answers[0].finish, Finish::length);
  }
}

TEST(Scheduler, WhenPagesRunOutAnswersWaitAndStillComeOutRight) {
  const auto big = engine_of({.n_ctx = 256, .n_sequences = 8, .precise = true});
  const auto small = engine_of({.n_ctx = 256, .n_sequences = 1, .precise = true});
  std::vector<Request> requests;
  for (uint32_t i = 0; i < 5; i++) {
    Request request = request_of("x", 25);
    request.prompt = long_prompt(50, 10 + i);
    request.options.ignore_end = true;
    request.client = std::to_string(i % 2);
    requests.push_back(request);
  }
  Scheduler plenty(*big, {}), scarce(*small, {});
  std::vector<Heard> heard(5);
  for (size_t i = 0; i < 5; i++) ASSERT_TRUE(scarce.submit(requests[i], heard[i].listener()).ok());
  for (size_t i = 0; i < 5; i++) {
    const auto expected = plenty.run(requests[i], OnText());
    ASSERT_TRUE(expected.ok());
    EXPECT_EQ(heard[i].wait().answers[0].tokens, expected->answers[0].tokens);
  }
  EXPECT_GT(scarce.stats().n_preemptions, 0u);
}

TEST(Scheduler, SlotsAreSavedAndRestored) {
  const auto path = testing::TempDir() + "scheduler_slot.kv";
  Request request = request_of("x", 8);
  request.prompt = long_prompt(200, 5);
  std::vector<Token> first;
  {
    const auto engine = engine_of({.n_ctx = 512, .n_sequences = 2});
    Scheduler scheduler(*engine, {.n_parallel = 2});
    EXPECT_EQ(scheduler.save_slot(0, path).error().kind, ErrorKind::not_found);
    EXPECT_EQ(scheduler.save_slot(2, path).error().kind, ErrorKind::not_found);
    const auto answered = scheduler.run(request, OnText());
    ASSERT_TRUE(answered.ok());
    first = answered->answers[0].tokens;
    EXPECT_EQ(scheduler.slots()[0].n_generated, first.size());
    const auto n_saved = scheduler.save_slot(0, path);
    ASSERT_TRUE(n_saved.ok()) << n_saved.error().message;
    EXPECT_GE(*n_saved, 200u);
  }
  const auto engine = engine_of({.n_ctx = 512, .n_sequences = 2});
  Scheduler scheduler(*engine, {.n_parallel = 2});
  ASSERT_TRUE(scheduler.restore_slot(1, path).ok());
  auto again = scheduler.run(request, OnText());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->usage.n_cached, 199u);
  EXPECT_EQ(again->answers[0].tokens, first);
  ASSERT_TRUE(scheduler.erase_slot(1).ok());
}

TEST(Scheduler, WhatWasComputedIsKeptInAFileByItsTokens) {
  const auto path = std::filesystem::path(testing::TempDir()) / "kept_by_tokens.kv";
  const Request request = request_of("The river was long and the night was green", 8);
  Result<Answered> first = error_of(ErrorKind::not_found, "not run");
  {
    const auto engine = engine_of({.n_ctx = 512});
    Scheduler scheduler(*engine, {.n_parallel = 2});
    EXPECT_EQ(scheduler.save_cached(request.prompt, path).error().kind, ErrorKind::not_found);
    first = scheduler.run(request, OnText());
    ASSERT_TRUE(first.ok());
    const auto n_saved = scheduler.save_cached(request.prompt, path);
    ASSERT_TRUE(n_saved.ok()) << n_saved.error().message;
    EXPECT_EQ(*n_saved, request.prompt.size());
  }
  const auto engine = engine_of({.n_ctx = 512});
  Scheduler scheduler(*engine, {.n_parallel = 2});
  ASSERT_TRUE(scheduler.restore_cached(path).ok());
  const auto again = scheduler.run(request, OnText());
  ASSERT_TRUE(again.ok());
  EXPECT_EQ(again->usage.n_cached, request.prompt.size() - 1);
  EXPECT_EQ(again->answers[0].tokens, first->answers[0].tokens);
}

TEST(Scheduler, ShutdownFinishesWhatRunsAndRefusesWhatComes) {
  const auto engine = engine_of({.n_ctx = 256, .n_sequences = 2});
  Scheduler scheduler(*engine, {});
  Heard heard;
  ASSERT_TRUE(scheduler.submit(request_of("Once upon a time", 30), heard.listener()).ok());
  scheduler.shutdown(60000);
  ASSERT_TRUE(heard.result.has_value());
  EXPECT_NE(heard.wait().answers[0].finish, Finish::cancelled);
  EXPECT_EQ(scheduler.submit(request_of("x"), {}).error().kind, ErrorKind::busy);
}

TEST(Scheduler, TheDestructorCancelsAndTellsEverybody) {
  const auto engine = engine_of({.n_ctx = 2048, .n_sequences = 2});
  std::vector<Heard> heard(5);
  {
    Scheduler scheduler(*engine, {.n_parallel = 2});
    for (auto& one : heard) ASSERT_TRUE(scheduler.submit(request_of("Once", -2), one.listener()).ok());
    heard[0].wait_for_tokens(2);
  }
  for (auto& one : heard) {
    ASSERT_TRUE(one.result.has_value());
    EXPECT_EQ(one.wait().answers[0].finish, Finish::cancelled);
  }
}

TEST(Scheduler, AllCallsMayComeFromManyThreads) {
  // Room for what runs beside what is saved and restored meanwhile.
  const auto engine = engine_of({.n_ctx = 128, .n_sequences = 16, .n_threads = 2});
  std::atomic<size_t> n_answers = 0;
  {
    Scheduler scheduler(*engine, {.n_parallel = 4});
    std::vector<std::thread> threads;
    for (uint32_t i = 0; i < 6; i++) {
      threads.emplace_back([&, i] {
        const auto path = testing::TempDir() + "scheduler_thread_" + std::to_string(i) + ".kv";
        for (uint32_t round = 0; round < 4; round++) {
          Request request = request_of("Thread " + std::to_string(i) + " counts to", 5);
          request.client = std::to_string(i % 3);
          request.n_answers = 1 + round % 2;
          const auto cancelled = scheduler.submit(request, {});
          if (cancelled.ok()) scheduler.cancel(*cancelled);
          const auto answered = scheduler.run(request, OnText());
          if (answered.ok()) n_answers += answered->answers.size();
          EXPECT_LE(scheduler.stats().n_running, 4u);
          EXPECT_EQ(scheduler.slots().size(), 4u);
          if (scheduler.save_slot(i % 4, path).ok()) {
            const auto restored = scheduler.restore_slot((i + 1) % 4, path);
            EXPECT_TRUE(restored.ok()) << (restored.ok() ? "" : restored.error().message);
          }
          (void)scheduler.erase_slot((i + 2) % 4);
        }
      });
    }
    for (auto& thread : threads) thread.join();
  }
  EXPECT_EQ(n_answers, 6u * (2 * 1 + 2 * 2));
}

}  // namespace
}  // namespace quipu::engine
