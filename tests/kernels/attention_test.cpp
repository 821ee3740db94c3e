// AttentionKernels of every instruction set of this machine against attention in float64, written plainly below.
// u is 2^-24, the largest relative error of one rounded float32 operation.
#include "kernels/attention.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/aligned_bytes.h"
#include "base/float16.h"
#include "tests/kernels/isas.h"

namespace quipu::kernels {
namespace {

constexpr double kU = 0x1p-24;
constexpr float kInf = std::numeric_limits<float>::infinity();
constexpr float kNan = std::numeric_limits<float>::quiet_NaN();
constexpr float kSentinel = 123456.0f;
constexpr KvType kAllTypes[] = {KvType::f32, KvType::f16, KvType::bf16, KvType::q8_0, KvType::q4_0};

std::string type_name(KvType type) {
  const char* names[] = {"f32", "f16", "bf16", "q8_0", "q4_0"};
  return names[static_cast<size_t>(type)];
}
bool grouped(KvType type) {
  return type == KvType::q8_0 || type == KvType::q4_0;
}

using Memory = AlignedBytes;
// Filled with 0xff: NaN in every type.
Memory allocate(size_t bytes) {
  Memory memory = aligned_bytes(bytes);
  std::memset(memory.get(), 0xff, bytes);
  return memory;
}

struct Shape {
  KvLayout layout;
  size_t n_kv = 0;
  size_t n_tokens = 1;
  size_t group = 1;
  float spread = 1.0f;  // of the queries: how far scores lie apart
  float softcap = 0.0f;
};

// A sequence of n_kv positions with its queries, and the visible positions of each: by default causal, the last token
// at the last position.
struct Problem {
  Shape shape;
  float scale = 0.0f;
  std::vector<float> k, v, q;  // [position][head_dim], [token][group][head_dim_k]
  std::vector<uint32_t> begin, end;

  explicit Problem(const Shape& s, uint32_t seed = 1) : shape(s) {
    std::mt19937 random(seed);
    const KvLayout& layout = s.layout;
    scale = 1.0f / std::sqrt(static_cast<float>(layout.head_dim_k));
    k = cache_values(layout.k_type, layout.head_dim_k, random);
    v = cache_values(layout.v_type, layout.head_dim_v, random);
    std::normal_distribution<float> normal(0.0f, s.spread);
    q.resize(s.n_tokens * s.group * layout.head_dim_k);
    for (float& x : q) x = normal(random);
    for (size_t t = 0; t < s.n_tokens; ++t) {
      begin.push_back(0);
      end.push_back(static_cast<uint32_t>(s.n_kv > s.n_tokens ? s.n_kv - s.n_tokens + t + 1 : t % s.n_kv + 1));
    }
  }

  // Values that the type holds exactly: for groups, whole numbers times a power of two, the largest that fits among
  // them, so that it decides the scale.
  std::vector<float> cache_values(KvType type, size_t dim, std::mt19937& random) const {
    std::normal_distribution<float> normal;
    std::vector<float> x(shape.n_kv * dim);
    for (float& value : x) value = normal(random);
    if (type == KvType::f16) {
      for (float& value : x) value = f16_to_f32(f32_to_f16(value));
    } else if (type == KvType::bf16) {
      for (float& value : x) value = bf16_to_f32(f32_to_bf16(value));
    } else if (grouped(type)) {
      const int low = type == KvType::q8_0 ? -127 : -8, high = type == KvType::q8_0 ? 127 : 7;
      for (size_t g = 0; g < x.size() / 32; ++g) {
        const float step = (type == KvType::q8_0 ? 0x1p-6f : 0x1p-2f) * (g % 3 == 0 ? 0.5f : 1.0f);
        for (size_t i = 0; i < 32; ++i) {
          const int number = static_cast<int>(random() % static_cast<unsigned>(high - low + 1)) + low;
          x[g * 32 + i] = static_cast<float>(number) * step;
        }
        x[g * 32 + random() % 32] = static_cast<float>(low) * step;
      }
    }
    return x;
  }

  [[nodiscard]] size_t out_size() const { return shape.n_tokens * shape.group * shape.layout.head_dim_v; }
};

// The cache's pages in memory, and calls with them.
class Runner {
 public:
  Runner(Isa isa, const Problem& problem) : kernels_(attention_kernels(isa)), problem_(problem) {
    const KvLayout& layout = problem.shape.layout;
    EXPECT_TRUE(kv_layout_is_valid(layout));
    k_bytes_ = k_page_bytes(layout);
    const size_t bytes = k_bytes_ + v_page_bytes(layout);
    const size_t n_pages = (problem.shape.n_kv + layout.page_tokens - 1) / layout.page_tokens;
    for (size_t p = 0; p < n_pages; ++p) {
      memory_.push_back(allocate(bytes));
      pages_.push_back(memory_.back().get());
    }
    // in parts of 1, 2, 3 ... tokens, cut at pages
    for (size_t at = 0, part = 1; at < problem.shape.n_kv; ++part) {
      const size_t slot = at % layout.page_tokens;
      const size_t n = std::min({part, problem.shape.n_kv - at, layout.page_tokens - slot});
      std::byte* page = memory_[at / layout.page_tokens].get();
      kernels_.store_k(layout, {&problem.k[at * layout.head_dim_k], layout.head_dim_k, n}, slot, page);
      kernels_.store_v(layout, {&problem.v[at * layout.head_dim_v], layout.head_dim_v, n}, slot, page + k_bytes_);
      at += n;
    }
    scratch_ = allocate(kernels_.scratch_bytes(layout));
  }

  // Tokens [first, first + n) alone, heads [head, head + group) alone; out is [n][group][head_dim_v].
  [[nodiscard]] AttentionTask task(size_t first, size_t n, size_t head, size_t group, float* out) const {
    const Shape& shape = problem_.shape;
    const size_t dim_k = shape.layout.head_dim_k, dim_v = shape.layout.head_dim_v;
    return {.layout = shape.layout,
            .pages = pages_.data(),
            .k_offset = 0,
            .v_offset = k_bytes_,
            .n_tokens = n,
            .group = group,
            .q = problem_.q.data() + (first * shape.group + head) * dim_k,
            .q_token_stride = shape.group * dim_k,
            .q_head_stride = dim_k,
            .out = out,
            .out_token_stride = group * dim_v,
            .out_head_stride = dim_v,
            .visible_begin = problem_.begin.data() + first,
            .visible_end = problem_.end.data() + first,
            .scale = problem_.scale,
            .softcap = shape.softcap};
  }
  std::vector<float> attend() {
    std::vector<float> out(problem_.out_size() + 1, kSentinel);
    kernels_.attend(task(0, problem_.shape.n_tokens, 0, problem_.shape.group, out.data()), scratch_.get());
    EXPECT_EQ(out.back(), kSentinel);
    out.pop_back();
    return out;
  }
  std::vector<float> attend_token(size_t t) {
    std::vector<float> out(problem_.shape.group * problem_.shape.layout.head_dim_v, kSentinel);
    kernels_.attend(task(t, 1, 0, problem_.shape.group, out.data()), scratch_.get());
    return out;
  }
  std::vector<float> attend_row(size_t t, size_t head) {
    std::vector<float> out(problem_.shape.layout.head_dim_v, kSentinel);
    kernels_.attend(task(t, 1, head, 1, out.data()), scratch_.get());
    return out;
  }
  // Chunk by chunk, the last one first.
  std::vector<float> attend_in_chunks() {
    std::vector<float> out(problem_.out_size(), kSentinel);
    const AttentionTask whole = task(0, problem_.shape.n_tokens, 0, problem_.shape.group, out.data());
    const size_t n_chunks = (problem_.shape.n_kv + kChunkTokens - 1) / kChunkTokens;
    const size_t size = attention_partial_floats(whole);
    std::vector<float> partials(n_chunks * size + 1, kSentinel);
    for (size_t c = n_chunks; c-- > 0;) {
      kernels_.attend_chunk(whole, static_cast<uint32_t>(c), &partials[c * size], scratch_.get());
    }
    EXPECT_EQ(partials.back(), kSentinel);
    kernels_.merge(whole, partials.data(), n_chunks);
    return out;
  }

 private:
  const AttentionKernels& kernels_;
  const Problem& problem_;
  size_t k_bytes_ = 0;
  std::vector<Memory> memory_;
  std::vector<const std::byte*> pages_;
  Memory scratch_;
};

// One row in float64, with a bound for each output of what float32 may err.
struct Expected {
  std::vector<double> out, tolerance;
};
Expected reference_row(const Problem& p, size_t token, size_t head) {
  const size_t dim_k = p.shape.layout.head_dim_k, dim_v = p.shape.layout.head_dim_v;
  const float* q = &p.q[(token * p.shape.group + head) * dim_k];
  Expected expected{std::vector<double>(dim_v, 0.0), std::vector<double>(dim_v, 0.0)};
  std::vector<double> scores;
  double largest = -kInf, score_error = 0;
  for (size_t j = p.begin[token]; j < p.end[token]; ++j) {
    double score = 0, magnitude = 0;
    for (size_t i = 0; i < dim_k; ++i) {
      const double product = static_cast<double>(q[i]) * p.k[j * dim_k + i] * p.scale;
      score += product;
      magnitude += std::abs(product);
    }
    // a chain of dim_k steps of up to two roundings (without FMA), three roundings of scale and log2(e)
    double error = (2 * static_cast<double>(dim_k) + 3) * kU * magnitude;
    if (p.shape.softcap > 0) {
      score = p.shape.softcap * std::tanh(score / p.shape.softcap);
      error += 8 * kU * p.shape.softcap;  // tanh_lanes 5, two products, log2(e)
    }
    scores.push_back(score);
    largest = std::max(largest, score);
    score_error = std::max(score_error, error + 2 * kU * std::abs(score));  // and the distance to the largest
  }
  double sum = 0;
  for (double& s : scores) sum += s = std::exp(s - largest);
  // numerator and denominator: scores, exp, sums within a chunk of two roundings a step, folds of four
  const double n_chunks = static_cast<double>(p.end[token] / kChunkTokens + 1);
  const double error = 2 * (score_error + 3 * kU + (2 * kChunkTokens + 7 * n_chunks) * kU);
  for (size_t i = 0; i < dim_v; ++i) {
    double magnitude = 0;
    for (size_t j = 0; j < scores.size(); ++j) {
      const double term = scores[j] / sum * p.v[(p.begin[token] + j) * dim_v + i];
      expected.out[i] += term;
      magnitude += std::abs(term);
    }
    expected.tolerance[i] = error * magnitude + 1e-37;  // weights below 2^-126 are 0
  }
  return expected;
}

void expect_bits(const float* actual, const float* expected, size_t n, const std::string& what) {
  EXPECT_EQ(std::memcmp(actual, expected, n * sizeof(float)), 0) << what;
}

class AttentionTest : public testing::TestWithParam<Isa> {
 protected:
  // Against the reference, and every way of cutting the work into calls against the whole.
  void check(const Problem& problem, const std::string& what) {
    SCOPED_TRACE(what);
    Runner runner(GetParam(), problem);
    const Shape& shape = problem.shape;
    const size_t dim = shape.layout.head_dim_v;
    const std::vector<float> out = runner.attend();
    for (size_t t = 0; t < shape.n_tokens; ++t) {
      for (size_t g = 0; g < shape.group; ++g) {
        const float* row = &out[(t * shape.group + g) * dim];
        const Expected expected = reference_row(problem, t, g);
        for (size_t i = 0; i < dim; ++i) {
          ASSERT_NEAR(row[i], expected.out[i], expected.tolerance[i]) << "token " << t << " head " << g << " i " << i;
        }
        if (t % 7 == 0) expect_bits(runner.attend_row(t, g).data(), row, dim, "row alone");
      }
      expect_bits(runner.attend_token(t).data(), &out[t * shape.group * dim], shape.group * dim, "token alone");
    }
    expect_bits(runner.attend_in_chunks().data(), out.data(), out.size(), "in chunks");
  }
  void check(const Shape& shape, const std::string& what) { check(Problem(shape), what); }
};

KvLayout layout_of(KvType type, uint32_t head_dim, uint32_t page_tokens = 64) {
  return {type, type, head_dim, head_dim, page_tokens};
}

TEST_P(AttentionTest, EveryTypeAndHeadDim) {
  for (KvType type : kAllTypes) {
    for (uint32_t dim : {32, 64, 80, 96, 112, 128, 160, 192, 256, 1, 2, 7, 15, 17, 33, 40, 72, 100}) {
      if (grouped(type) && dim % 32 != 0) continue;
      for (size_t n_tokens : {1, 4}) {  // 3 rows: read from pages; 12: converted first
        check({.layout = layout_of(type, dim), .n_kv = 100, .n_tokens = n_tokens, .group = 3},
              type_name(type) + " head_dim " + std::to_string(dim) + " tokens " + std::to_string(n_tokens));
      }
    }
  }
}

TEST_P(AttentionTest, EveryGroup) {
  for (KvType type : kAllTypes) {
    for (size_t group : {1, 2, 3, 4, 5, 6, 7, 8, 9, 12, 13, 16, 100}) {
      check({.layout = layout_of(type, 64), .n_kv = 70, .n_tokens = 2, .group = group},
            type_name(type) + " group " + std::to_string(group));
    }
  }
}

TEST_P(AttentionTest, EveryLengthOfContext) {
  for (KvType type : {KvType::f32, KvType::f16, KvType::q8_0}) {
    for (size_t n_kv :
         {1, 2, 3, 15, 16, 17, 31, 32, 33, 63, 64, 65, 127, 128, 129, 255, 256, 257, 300, 511, 512, 513, 777, 1025}) {
      for (size_t n_tokens : {1, 3}) {
        check({.layout = layout_of(type, 32), .n_kv = n_kv, .n_tokens = n_tokens, .group = 3},
              type_name(type) + " n_kv " + std::to_string(n_kv));
      }
    }
  }
}

TEST_P(AttentionTest, EveryNumberOfTokens) {
  for (size_t n_tokens = 1; n_tokens <= 65; ++n_tokens) {
    check({.layout = layout_of(KvType::f16, 64), .n_kv = 290, .n_tokens = n_tokens, .group = 3},
          "tokens " + std::to_string(n_tokens));
    check({.layout = layout_of(KvType::f32, 32), .n_kv = n_tokens, .n_tokens = n_tokens, .group = 1},
          "prompt of " + std::to_string(n_tokens));
  }
}

TEST_P(AttentionTest, LongPrompt) {
  check({.layout = layout_of(KvType::f16, 64), .n_kv = 700, .n_tokens = 400, .group = 1}, "f16");
  check({.layout = layout_of(KvType::q4_0, 64), .n_kv = 400, .n_tokens = 200, .group = 3}, "q4_0");
}

TEST_P(AttentionTest, EveryPageSize) {
  for (KvType type : kAllTypes) {
    for (uint32_t page_tokens : {64, 128, 256, 512, 1024}) {
      check({.layout = layout_of(type, 64, page_tokens), .n_kv = 600, .n_tokens = 3, .group = 4},
            type_name(type) + " page " + std::to_string(page_tokens));
    }
  }
}

TEST_P(AttentionTest, KeysAndValuesOfDifferentTypesAndDims) {
  for (KvType k : kAllTypes) {
    for (KvType v : kAllTypes) {
      for (size_t n_tokens : {1, 5}) {
        check({.layout = {k, v, 96, 64, 64}, .n_kv = 130, .n_tokens = n_tokens, .group = 2},
              type_name(k) + " " + type_name(v));
      }
    }
  }
}

TEST_P(AttentionTest, Softcap) {
  for (size_t n_tokens : {1, 9}) {
    for (float softcap : {1.0f, 30.0f, 50.0f}) {
      check({.layout = layout_of(KvType::f16, 64),
             .n_kv = 300,
             .n_tokens = n_tokens,
             .group = 2,
             .spread = 10.0f,
             .softcap = softcap},
            "softcap " + std::to_string(softcap));
    }
  }
}

TEST_P(AttentionTest, ScoresFarApart) {
  for (float spread : {0.0f, 30.0f, 1000.0f}) {
    check({.layout = layout_of(KvType::f32, 64), .n_kv = 300, .n_tokens = 9, .group = 2, .spread = spread},
          "spread " + std::to_string(spread));
  }
}

TEST_P(AttentionTest, SlidingWindowAndPagesThatAreGone) {
  for (uint32_t window : {1, 5, 64, 100, 256, 300}) {
    Problem problem({.layout = layout_of(KvType::f16, 64), .n_kv = 700, .n_tokens = 40, .group = 3});
    for (size_t t = 0; t < problem.begin.size(); ++t) {
      problem.begin[t] = problem.end[t] > window ? problem.end[t] - window : 0;
    }
    // NaN in what no row sees: such pages may have been given away
    for (size_t j = 0; j < problem.begin[0]; ++j) {
      for (size_t i = 0; i < 64; ++i) problem.k[j * 64 + i] = problem.v[j * 64 + i] = kNan;
    }
    check(problem, "window " + std::to_string(window));
  }
}

TEST_P(AttentionTest, AnyRangesEvenEmptyOnes) {
  std::mt19937 random(7);
  for (int round = 0; round < 20; ++round) {
    Problem problem({.layout = layout_of(KvType::f16, 32), .n_kv = 600, .n_tokens = 23, .group = 2});
    for (size_t t = 0; t < problem.begin.size(); ++t) {
      problem.begin[t] = random() % 600;
      problem.end[t] = t % 5 == 0 ? problem.begin[t] : problem.begin[t] + 1 + random() % (600 - problem.begin[t]);
    }
    check(problem, "round " + std::to_string(round));  // a row without positions is zeros
  }
}

TEST_P(AttentionTest, WithoutBeginEveryTokenSeesFromZero) {
  Problem problem({.layout = layout_of(KvType::f16, 64), .n_kv = 90, .n_tokens = 3, .group = 2});
  Runner runner(GetParam(), problem);
  std::vector<float> out(problem.out_size());
  AttentionTask task = runner.task(0, 3, 0, 2, out.data());
  task.visible_begin = nullptr;
  const Memory scratch = allocate(attention_kernels(GetParam()).scratch_bytes(task.layout));
  attention_kernels(GetParam()).attend(task, scratch.get());
  expect_bits(out.data(), runner.attend().data(), out.size(), "no begin");
}

TEST_P(AttentionTest, NanReachesExactlyTheRowsThatSeeIt) {
  for (float bad : {kNan, -kNan, std::bit_cast<float>(0x7f812345u)}) {
    for (KvType type : kAllTypes) {
      for (bool in_key : {true, false}) {
        Problem problem({.layout = layout_of(type, 64), .n_kv = 100, .n_tokens = 20, .group = 3});
        const size_t position = 90;
        std::vector<float>& x = in_key ? problem.k : problem.v;
        for (size_t i = 0; i < 64; ++i) x[position * 64 + i] = bad;
        Runner runner(GetParam(), problem);
        const auto out = runner.attend(), chunks = runner.attend_in_chunks();
        for (size_t i = 0; i < out.size(); ++i) {
          const size_t token = i / (3 * 64);
          ASSERT_EQ(std::isnan(out[i]), problem.end[token] > position) << type_name(type) << " token " << token;
          ASSERT_EQ(std::isnan(out[i]), std::isnan(chunks[i])) << type_name(type) << " token " << token;
        }
      }
    }
  }
}

TEST_P(AttentionTest, AnInfiniteValueGivesInfinityAndAnInfiniteScoreNan) {
  for (KvType type : {KvType::f32, KvType::f16, KvType::bf16}) {
    Problem problem({.layout = layout_of(type, 64), .n_kv = 100, .n_tokens = 20, .group = 3});
    problem.v[90 * 64 + 5] = kInf;
    auto out = Runner(GetParam(), problem).attend();
    for (size_t row = 0; row < 60; ++row) {
      ASSERT_EQ(out[row * 64 + 5] == kInf, problem.end[row / 3] > 90) << type_name(type) << " row " << row;
      ASSERT_TRUE(std::isfinite(out[row * 64 + 6]));
    }
    problem.v[90 * 64 + 5] = 0.0f;
    problem.k[90 * 64 + 5] = kInf;  // a score of -inf where the query is negative: a weight of 0
    out = Runner(GetParam(), problem).attend();
    for (size_t row = 0; row < 60; ++row) {
      const bool nan = problem.end[row / 3] > 90 && problem.q[row * 64 + 5] > 0;
      ASSERT_EQ(std::isnan(out[row * 64 + 5]), nan) << type_name(type) << " row " << row;
    }
  }
}

TEST_P(AttentionTest, NanInAQueryStaysInItsRow) {
  Problem problem({.layout = layout_of(KvType::f16, 64), .n_kv = 100, .n_tokens = 20, .group = 3});
  problem.q[(5 * 3 + 1) * 64 + 7] = kNan;
  Runner runner(GetParam(), problem);
  const auto out = runner.attend(), chunks = runner.attend_in_chunks();
  for (size_t row = 0; row < 60; ++row) {
    for (size_t i = 0; i < 64; ++i) {
      ASSERT_EQ(std::isnan(out[row * 64 + i]), row == 16) << row;
      ASSERT_EQ(std::isnan(chunks[row * 64 + i]), row == 16) << row;
    }
  }
}

// A row that sees one position has the weight 1 for it: its output is what the cache holds.
TEST_P(AttentionTest, RoundingOfStoredValues) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (KvType type : kAllTypes) {
    Problem problem({.layout = layout_of(type, 128), .n_kv = 64, .n_tokens = 64, .group = 1});
    for (float& x : problem.v) x = normal(random) * std::exp2(static_cast<float>(random() % 8));
    for (size_t i = 0; i < 32; ++i) problem.v[i] = 0.0f;
    for (size_t t = 0; t < 64; ++t) {
      problem.begin[t] = static_cast<uint32_t>(t);
      problem.end[t] = problem.begin[t] + 1;
    }
    const auto out = Runner(GetParam(), problem).attend();
    for (size_t g = 0; g < out.size() / 32; ++g) {
      float largest = 0;
      for (size_t i = 0; i < 32; ++i) largest = std::max(largest, std::abs(problem.v[g * 32 + i]));
      // half a step, a float16 scale that is off by 2^-11 for the largest numbers, and, for q4_0, a number 8 that
      // does not exist: 7 is a whole step away
      const float step = type == KvType::q8_0 ? largest / 127 : largest / 8;
      const float most = type == KvType::q8_0 ? 0.5f * step + largest * 0x1p-11f : step * (1 + 0x1p-7f);
      for (size_t i = g * 32; i < g * 32 + 32; ++i) {
        const float x = problem.v[i];
        if (type == KvType::f32) {
          ASSERT_EQ(out[i], x);
        } else if (type == KvType::f16) {
          ASSERT_EQ(out[i], f16_to_f32(f32_to_f16(x)));
        } else if (type == KvType::bf16) {
          ASSERT_EQ(out[i], bf16_to_f32(f32_to_bf16(x)));
        } else {
          ASSERT_NEAR(out[i], x, most) << type_name(type);
        }
      }
    }
  }
}

// What every instruction set stores is the same, byte for byte.
TEST_P(AttentionTest, PagesDoNotDependOnTheInstructionSet) {
  std::mt19937 random(4);
  std::normal_distribution<float> normal;
  for (KvType type : kAllTypes) {
    const KvLayout layout = layout_of(type, 96);
    std::vector<float> rows(64 * 96);
    for (float& x : rows) x = normal(random);
    const size_t k_bytes = k_page_bytes(layout), v_bytes = v_page_bytes(layout);
    const auto pages = [&](Isa isa) {
      Memory page = allocate(k_bytes + v_bytes);
      attention_kernels(isa).store_k(layout, {rows.data(), 96, 64}, 0, page.get());
      attention_kernels(isa).store_v(layout, {rows.data(), 96, 64}, 0, page.get() + k_bytes);
      return page;
    };
    const Memory ours = pages(GetParam()), generic = pages(Isa::generic);
    EXPECT_EQ(std::memcmp(ours.get(), generic.get(), k_bytes + v_bytes), 0) << type_name(type);
  }
}

TEST(KvLayoutTest, WhatIsNoLayout) {
  EXPECT_TRUE(kv_layout_is_valid(layout_of(KvType::f16, 80)));
  EXPECT_TRUE(kv_layout_is_valid(layout_of(KvType::q8_0, 96, 4096)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::q8_0, 80)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::q4_0, 16)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::f16, 0)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::f16, 4097)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::f16, 64, 0)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::f16, 64, 32)));
  EXPECT_FALSE(kv_layout_is_valid(layout_of(KvType::f16, 64, 192)));
  EXPECT_FALSE(kv_layout_is_valid({KvType::f16, KvType::q8_0, 64, 65, 64}));
}

TEST(KvLayoutTest, BytesOfAPage) {
  EXPECT_EQ(k_page_bytes(layout_of(KvType::f16, 64)), 64u * 64 * 2);
  EXPECT_EQ(v_page_bytes(layout_of(KvType::f16, 64)), 64u * 64 * 2);
  EXPECT_EQ(k_page_bytes(layout_of(KvType::f32, 128)), 64u * 128 * 4);
  EXPECT_EQ(k_page_bytes(layout_of(KvType::q8_0, 64)), 64u * 2 * 34);
  EXPECT_EQ(v_page_bytes(layout_of(KvType::q8_0, 64)), 64u * 2 * 34);
  EXPECT_EQ(k_page_bytes(layout_of(KvType::q4_0, 64)), 64u * 2 * 18);
  EXPECT_EQ(v_page_bytes(layout_of(KvType::q4_0, 64)), 64u * 2 * 18);
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionTest, testing::ValuesIn(test::isas_of_this_cpu()),
                         [](const auto& isa) { return std::string(isa_name(isa.param)); });

}  // namespace
}  // namespace quipu::kernels
