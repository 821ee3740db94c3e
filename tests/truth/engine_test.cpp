// SmolLM2 against transformers in float32 on the same weights (tests/truth/data, made by
// scripts/references_torch/make_truth.py): with --precise nearly equal, by the default kernels of every instruction set
// at most half as far away as llama.cpp (scripts/references_torch/compare_llamacpp.py).
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "kernels/kernels.h"
#include "truth.h"

namespace quipu::truth {
namespace {

// The C++ reference path is some tens of times slower than the others: it gets a part of the work.
struct Amount {
  size_t document_tokens;  // of each document at most
  size_t one_row_tokens;   // of the first document, token by token as in generation
  size_t chats;
};
#if defined(QUIPU_EMULATED)  // so few chats would say nothing
constexpr Amount kAll{32, 8, 0}, kSome{32, 8, 0}, kFew{16, 4, 0};
constexpr size_t kMinTokens = 60;
#elif defined(__SANITIZE_ADDRESS__)  // all are as slow as that, then
constexpr Amount kAll{96, 32, 4}, kSome{96, 32, 4}, kFew{16, 4, 1};
constexpr size_t kMinTokens = 200;
#else
constexpr Amount kAll{100000, 128, 20}, kSome{512, 128, 20}, kFew{48, 16, 2};
constexpr size_t kMinTokens = 2000;
#endif

std::shared_ptr<const engine::Model> load_model() {
  auto model = engine::Model::load(QUIPU_MODELS_DIR "/SmolLM2-135M-Instruct.Q4_1.gguf", {});
  EXPECT_TRUE(model.ok()) << (model.ok() ? "" : model.error().message);
  return model.ok() ? *model : nullptr;
}

class Runner {
 public:
  Runner(const Truth& truth, engine::Engine& engine) : truth_(truth), engine_(engine) {}

  Difference documents(size_t max_tokens) {
    Difference difference;
    for (const Document& document : truth_.documents) {
      const auto ids = std::span(document.ids).first(std::min(document.ids.size(), max_tokens));
      append_all(document, ids, ids.size(), difference);
    }
    return difference;
  }

  Difference one_row(size_t n_tokens) {
    Difference difference;
    append_all(truth_.documents[0], std::span(truth_.documents[0].ids).first(n_tokens), 1, difference);
    return difference;
  }

  size_t greedy_changed(size_t n_chats) {
    size_t changed = 0;
    for (const Chat& chat : std::span(truth_.chats).first(n_chats)) {
      if (greedy(chat) != chat.answer) ++changed;
    }
    return changed;
  }

 private:
  void append_all(const Document& document, std::span<const int32_t> ids, size_t step, Difference& difference) {
    engine::Sequence sequence = engine_.new_sequence();
    for (size_t first = 0; first < ids.size(); first += step) {
      const engine::Work work{&sequence, ids.subspan(first, std::min(step, ids.size() - first)),
                              engine::Work::Logits::all};
      const auto status = engine_.decode({&work, 1}, [&](size_t, size_t position, std::span<const float> logits) {
        if (first + position + 1 < document.ids.size()) difference.add(document, first + position, logits);
      });
      ASSERT_TRUE(status.ok()) << status.error().message;
    }
  }

  std::vector<int32_t> greedy(const Chat& chat) {
    engine::Sequence sequence = engine_.new_sequence();
    std::vector<int32_t> answer, step = chat.prompt;
    while (answer.size() < chat.answer.size()) {
      const engine::Work work{&sequence, step, engine::Work::Logits::last};
      int32_t best = -1;
      const auto status = engine_.decode({&work, 1}, [&](size_t, size_t, std::span<const float> logits) {
        best = static_cast<int32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
      });
      EXPECT_TRUE(status.ok()) << (status.ok() ? "" : status.error().message);
      answer.push_back(best);
      if (best != chat.answer[answer.size() - 1]) break;
      step = {best};
    }
    return answer;
  }

  const Truth& truth_;
  engine::Engine& engine_;
};

struct Measured {
  Difference documents, one_row;
  size_t changed = 0;
};

void measure(const Truth& truth, const engine::EngineOptions& options, const Amount& amount, Measured& measured) {
  const auto model = load_model();
  ASSERT_NE(model, nullptr);
  auto engine = engine::Engine::create(model, options);
  ASSERT_TRUE(engine.ok()) << engine.error().message;
  Runner runner(truth, **engine);
  measured.documents = runner.documents(amount.document_tokens);
  measured.one_row = runner.one_row(amount.one_row_tokens);
  measured.changed = runner.greedy_changed(amount.chats);
  fmt::print(
      "{}{}: {} tokens, mean |delta| {:.2e} nats (max {:.2e}), KL {:.2e}; one row at a time {:.2e}; greedy texts "
      "changed {} of {}\n",
      (*engine)->isa(), options.precise ? " --precise" : "", measured.documents.n_tokens(),
      measured.documents.mean_abs_delta(), measured.documents.max_abs_delta(), measured.documents.kl(),
      measured.one_row.mean_abs_delta(), measured.changed, amount.chats);
}

engine::EngineOptions options_for(std::optional<std::string> isa, bool precise) {
  engine::EngineOptions options;
  options.n_ctx = 4096;
  options.precise = precise;
  options.isa = std::move(isa);
  return options;
}

TEST(Truth, PreciseIsFloat32) {
  const auto truth = read_truth();
  ASSERT_TRUE(truth.ok()) << truth.error().message;
  Measured measured;
  measure(*truth, options_for({}, true), kAll, measured);
  EXPECT_GE(measured.documents.n_tokens(), kMinTokens);
  EXPECT_LT(measured.documents.mean_abs_delta(), 1e-4);
  EXPECT_LT(measured.one_row.mean_abs_delta(), 1e-4);
  EXPECT_LT(measured.documents.kl(), 1e-6);
  EXPECT_LE(measured.changed, 1u);
}

class TruthOfIsa : public testing::TestWithParam<kernels::Isa> {};

TEST_P(TruthOfIsa, IsTwiceAsCloseAsLlamaCpp) {
  const std::string name(kernels::isa_name(GetParam()));
  const auto model = load_model();
  ASSERT_NE(model, nullptr);
  if (const auto engine = engine::Engine::create(model, options_for(name, false)); !engine.ok()) {
    ASSERT_EQ(engine.error().kind, ErrorKind::unsupported) << engine.error().message;
    GTEST_SKIP() << engine.error().message;
  }
  const auto truth = read_truth();
  ASSERT_TRUE(truth.ok()) << truth.error().message;
  const Amount& amount = GetParam() == kernels::Isa::generic ? kFew : kSome;
  Measured measured;
  measure(*truth, options_for(name, false), amount, measured);
  EXPECT_LE(measured.documents.mean_abs_delta(), truth->llamacpp_mean_abs_delta / 2);
  EXPECT_LE(measured.one_row.mean_abs_delta(), truth->llamacpp_mean_abs_delta / 2);
  // A KL divergence goes with the square of the difference.
  EXPECT_LE(measured.documents.kl(), truth->llamacpp_kl / 4);
  EXPECT_LE(measured.changed * truth->chats.size(), truth->llamacpp_greedy_changed * amount.chats / 2);
}

INSTANTIATE_TEST_SUITE_P(Isas, TruthOfIsa, testing::ValuesIn(kernels::all_isas().begin(), kernels::all_isas().end()),
                         [](const auto& test) { return std::string(kernels::isa_name(test.param)); });

}  // namespace
}  // namespace quipu::truth
