// GEMM with int8 products for quantised weights, for AVX512-VNNI: weights are the integers that the file has, so that
// only the rounding of x (packed8.h) costs accuracy.
#include "kernels/ahead.h"
#include "kernels/avx512_vnni/packed8.h"
#include "kernels/avx512_vnni/points8.h"
#include "kernels/avx512_vnni/quants8.h"
#include "kernels/avx512_vnni/scales8.h"
#include "kernels/tables.h"

namespace quipu::kernels {
namespace {

constexpr size_t kPanelRows = 32;
// 6 tokens by two registers of rows are 12 integer and 12 float sums; with two of weights and one of x they leave 5 of
// the 32 registers free.
constexpr size_t kTileTokens = 6;

// 256 of K by 32 rows, two registers of 16 rows each. vpdpbusd multiplies unsigned by signed bytes: x is raised by 128,
// and `start` takes away what that adds.
template <size_t kRun, bool kHasOffsets>
struct alignas(64) Panel8 {
  static constexpr size_t kBlock = kRun;
  static constexpr bool kOffsets = kHasOffsets;
  static constexpr size_t kRuns = 256 / kBlock;
  static constexpr size_t kFours = kBlock / 4;  // of a run
  int8_t q[64][2][64];                          // [K / 4][half of rows][16 rows][4 of K]
  int32_t start[kRuns][2][16];                  // -128 * the sum of q
  float scale[kRuns][2][16];
  float offset[kOffsets ? kRuns : 1][2][16];
};

// Takes decoded weights and scales of 16 rows to their half of a panel.
template <class Panel>
struct PanelHalf {
  static constexpr size_t kBlock = Panel::kBlock, kRuns = Panel::kRuns;
  static constexpr bool kOffsets = Panel::kOffsets;
  Panel* panel;
  size_t half;
  Ahead& ahead;

  // Chunks that are not put are not multiplied.
  template <class Columns>
  [[gnu::always_inline]] void put(size_t chunk, const Columns& columns) {
    for (size_t first = 0; first < 8; first += Panel::kFours) {
      __m512i raised = _mm512_setzero_si512();  // 128 * the sum of q
      for (size_t i = first; i < first + Panel::kFours; ++i) {
        const __m512i v = columns(i);
        _mm512_store_si512(panel->q[8 * chunk + i][half], v);
        raised = _mm512_dpbusd_epi32(raised, _mm512_set1_epi8(-128), v);
      }
      const size_t run = (8 * chunk + first) / Panel::kFours;
      _mm512_store_si512(panel->start[run][half], _mm512_sub_epi32(_mm512_setzero_si512(), raised));
    }
    ahead.step();
  }
  [[gnu::always_inline]] void scale(size_t run, __m512 v) { _mm512_store_ps(panel->scale[run][half], v); }
  [[gnu::always_inline]] void offset(size_t run, __m512 v) { _mm512_store_ps(panel->offset[run][half], v); }
};

template <class Panel, class Quants>
void unpack_half(const Rows16& rows, size_t n_chunks, Panel* panel, size_t half, Ahead& ahead) {
  PanelHalf<Panel> out{panel, half, ahead};
  Quants::decode(rows, n_chunks, out);
  ScaleColumns<typename Quants::Blocks>::put(rows, n_chunks, out);
}

template <class Panel, quant::TensorType kType>
void unpack_points_half(const Rows16& rows, size_t n_chunks, Panel* panel, size_t half, Ahead& ahead) {
  PanelHalf<Panel> out{panel, half, ahead};
  put_points<kType>(rows, n_chunks, out);
}

// `kUnpackHalf` takes 256 columns of 16 rows, kBytes each, to their half of a panel.
template <class Panel, size_t kBytes, void (*kUnpackHalf)(const Rows16&, size_t n_chunks, Panel*, size_t half, Ahead&)>
void unpack_panel(const WeightRows& w, size_t k_begin, size_t k_end, void* panel) {
  auto* out = static_cast<Panel*>(panel);
  Ahead ahead(w.ahead, 2 * ((k_end - k_begin + 31) / 32));
  for (size_t k = k_begin; k < k_end; k += 256, ++out) {
    const size_t n_chunks = k_end - k < 256 ? (k_end - k) / 32 : 8;
    for (size_t half = 0; half < 2; ++half) {
      Rows16 rows;
      for (size_t r = 0; r < 16; ++r) {
        const size_t row = 16 * half + r < w.n_rows ? 16 * half + r : w.n_rows - 1;
        rows.row[r] = w.data + row * w.row_bytes + k / 256 * kBytes;
      }
      kUnpackHalf(rows, n_chunks, out, half, ahead);
    }
  }
}

// kTokens tokens by 32 rows and one run of K: sum += scale * x * W + offset * the sum of x.
template <class Panel, size_t kTokens>
[[gnu::always_inline]] inline void add_run(const Panel& panel, size_t run, const Packed8* const x[kTokens],
                                           __m512 sum[kTokens][2]) {
  __m512i dot[kTokens][2];
  for (size_t t = 0; t < kTokens; ++t) {
    dot[t][0] = _mm512_load_si512(panel.start[run][0]);
    dot[t][1] = _mm512_load_si512(panel.start[run][1]);
  }
  for (size_t i = 0; i < Panel::kFours; ++i) {
    const size_t four = Panel::kFours * run + i;
    const __m512i w0 = _mm512_load_si512(panel.q[four][0]), w1 = _mm512_load_si512(panel.q[four][1]);
    for (size_t t = 0; t < kTokens; ++t) {
      int32_t bytes;
      __builtin_memcpy(&bytes, x[t]->q + 4 * four, sizeof bytes);
      const __m512i xt = _mm512_set1_epi32(bytes);
      dot[t][0] = _mm512_dpbusd_epi32(dot[t][0], xt, w0);
      dot[t][1] = _mm512_dpbusd_epi32(dot[t][1], xt, w1);
    }
  }
  constexpr size_t kRunsOfChunk = 32 / Panel::kBlock;
  for (size_t t = 0; t < kTokens; ++t) {
    const __m512 scale = _mm512_set1_ps(x[t]->scale[run / kRunsOfChunk]);
    const __m512 x_sum = _mm512_set1_ps(Panel::kBlock == 32 ? x[t]->sum32[run] : x[t]->sum16[run]);
    for (size_t half = 0; half < 2; ++half) {
      const __m512 product = _mm512_mul_ps(_mm512_cvtepi32_ps(dot[t][half]), _mm512_load_ps(panel.scale[run][half]));
      sum[t][half] = _mm512_fmadd_ps(product, scale, sum[t][half]);
      if constexpr (Panel::kOffsets) {
        sum[t][half] = _mm512_fmadd_ps(_mm512_load_ps(panel.offset[run][half]), x_sum, sum[t][half]);
      }
    }
  }
}

struct RowMasks {
  __mmask16 rows[2];
};

[[gnu::always_inline]] inline void load_sums(const RowMasks& masks, const float* y, __m512 sum[2]) {
  sum[0] = _mm512_maskz_loadu_ps(masks.rows[0], y);
  sum[1] = _mm512_maskz_loadu_ps(masks.rows[1], y + 16);
}
[[gnu::always_inline]] inline void store_sums(const RowMasks& masks, float* y, const __m512 sum[2]) {
  _mm512_mask_storeu_ps(y, masks.rows[0], sum[0]);
  if (masks.rows[1] != 0) _mm512_mask_storeu_ps(y + 16, masks.rows[1], sum[1]);
}

struct alignas(64) Bytes64 {
  uint8_t v[64];
};
// 1 in byte i of every four.
constexpr Bytes64 one_of_four(size_t i) {
  Bytes64 bytes{};
  for (size_t j = i; j < 64; j += 4) bytes.v[j] = 1;
  return bytes;
}
constexpr Bytes64 kOneOfFour[4] = {one_of_four(0), one_of_four(1), one_of_four(2), one_of_four(3)};

// sum += the products of an outlier, without offsets: the sums of x have them.
template <class Panel>
[[gnu::always_inline]] inline void add_outlier(const Panel& panel, const Packed8::Outlier& outlier, __m512 sum[2]) {
  const size_t run = outlier.k / Panel::kBlock;
  const __m512i one = _mm512_load_si512(kOneOfFour[outlier.k % 4].v);
  const __m512 value = _mm512_set1_ps(outlier.x);
  for (size_t half = 0; half < 2; ++half) {
    const __m512i q = _mm512_dpbusd_epi32(_mm512_setzero_si512(), one, _mm512_load_si512(panel.q[outlier.k / 4][half]));
    const __m512 w = _mm512_mul_ps(_mm512_cvtepi32_ps(q), _mm512_load_ps(panel.scale[run][half]));
    sum[half] = _mm512_fmadd_ps(w, value, sum[half]);
  }
}

template <class Panel, size_t kTokens>
void multiply_tile(const PanelProduct& p, const std::byte* x, float* y, Ahead& ahead) {
  const RowMasks masks{{first16(p.n_rows), first16(p.n_rows < 16 ? 0 : p.n_rows - 16)}};
  const auto* panel = static_cast<const Panel*>(p.panel);
  for (size_t k = 0; k < p.n_k; k += 256, ++panel, x += sizeof(Packed8)) {
    const Packed8* tokens[kTokens];
    __m512 sum[kTokens][2];
    for (size_t t = 0; t < kTokens; ++t) {
      tokens[t] = reinterpret_cast<const Packed8*>(x + t * p.x_stride);
      if (k != 0 || p.accumulate) {
        load_sums(masks, y + t * p.y_stride, sum[t]);
      } else {
        sum[t][0] = sum[t][1] = _mm512_setzero_ps();
      }
    }
    const size_t n_runs = (p.n_k - k < 256 ? p.n_k - k : 256) / Panel::kBlock;
    const auto add_outliers = [&](size_t i) {
      for (size_t t = 0; t < kTokens; ++t) add_outlier(*panel, tokens[t]->outliers[i], sum[t]);
    };
    size_t run = 0;
    for (; run < n_runs && run < kOutliers; ++run) {
      add_run<Panel, kTokens>(*panel, run, tokens, sum);
      ahead.step();
      add_outliers(run);  // between runs, where the latency of its few operations is hidden
    }
    for (size_t i = run; i < kOutliers; ++i) add_outliers(i);
    for (; run < n_runs; ++run) {
      add_run<Panel, kTokens>(*panel, run, tokens, sum);
      ahead.step();
    }
    for (size_t t = 0; t < kTokens; ++t) store_sums(masks, y + t * p.y_stride, sum[t]);
  }
}

template <class Panel>
void multiply_some(const PanelProduct& p, size_t n, const std::byte* x, float* y, Ahead& ahead) {
  switch (n) {
    case 1:
      return multiply_tile<Panel, 1>(p, x, y, ahead);
    case 2:
      return multiply_tile<Panel, 2>(p, x, y, ahead);
    case 3:
      return multiply_tile<Panel, 3>(p, x, y, ahead);
    case 4:
      return multiply_tile<Panel, 4>(p, x, y, ahead);
    case 5:
      return multiply_tile<Panel, 5>(p, x, y, ahead);
    default:
      return multiply_tile<Panel, kTileTokens>(p, x, y, ahead);
  }
}

// Few tokens are spread evenly over tiles: a tile of one or two does not keep the multipliers busy.
template <class Panel>
void multiply_panel(const PanelProduct& p) {
  const auto* x = static_cast<const std::byte*>(p.x);
  float* y = p.y;
  Ahead ahead(p.ahead, (p.n_tokens + kTileTokens - 1) / kTileTokens * (p.n_k / Panel::kBlock));
  for (size_t left = p.n_tokens; left != 0;) {
    const size_t n_tiles = (left + kTileTokens - 1) / kTileTokens, n = (left + n_tiles - 1) / n_tiles;
    multiply_some<Panel>(p, n, x, y, ahead);
    x += n * p.x_stride;
    y += n * p.y_stride;
    left -= n;
  }
}

// From min_tokens on panels are faster than the fused kernels, later where unpacking takes longer.
template <class Panel>
constexpr GemmKernels kernels_of(decltype(GemmKernels::unpack_panel) unpack, size_t min_tokens) {
  return {.operands = GemmKernels::Operands::int8,
          .min_tokens = min_tokens,
          .panel_rows = kPanelRows,
          .panel_block_bytes = sizeof(Panel),
          .x_block_bytes = sizeof(Packed8),
          .pack_x = pack_x8,
          .unpack_panel = unpack,
          .multiply = multiply_panel<Panel>};
}

template <quant::TensorType kType>
constexpr GemmKernels kGemm8 = [] {
  using Quants = Quants8<kType>;
  using Panel = Panel8<Quants::kBlock, Quants::kOffsets>;
  return kernels_of<Panel>(unpack_panel<Panel, Quants::Blocks::kBytes, unpack_half<Panel, Quants>>, 4);
}();

template <quant::TensorType kType, size_t kRun>
constexpr GemmKernels kPoints8 = [] {
  using Panel = Panel8<kRun, false>;
  return kernels_of<Panel>(unpack_panel<Panel, Points<kType>::kBytes, unpack_points_half<Panel, kType>>, 6);
}();

}  // namespace

constinit const GemmTable avx512_vnni::gemm_int8 = [] {
  using quant::TensorType;
  GemmTable table{};
  const auto set = [&table](TensorType type, const GemmKernels& kernels) {
    table[static_cast<size_t>(type)] = &kernels;
  };
  set(TensorType::Q4_0, kGemm8<TensorType::Q4_0>);
  set(TensorType::Q4_1, kGemm8<TensorType::Q4_1>);
  set(TensorType::Q5_0, kGemm8<TensorType::Q5_0>);
  set(TensorType::Q5_1, kGemm8<TensorType::Q5_1>);
  set(TensorType::Q8_0, kGemm8<TensorType::Q8_0>);
  set(TensorType::Q2_K, kGemm8<TensorType::Q2_K>);
  set(TensorType::Q3_K, kGemm8<TensorType::Q3_K>);
  set(TensorType::Q4_K, kGemm8<TensorType::Q4_K>);
  set(TensorType::Q5_K, kGemm8<TensorType::Q5_K>);
  set(TensorType::Q6_K, kGemm8<TensorType::Q6_K>);
  set(TensorType::IQ4_NL, kGemm8<TensorType::IQ4_NL>);
  set(TensorType::IQ4_XS, kGemm8<TensorType::IQ4_XS>);
  set(TensorType::MXFP4, kGemm8<TensorType::MXFP4>);
  set(TensorType::IQ1_S, kPoints8<TensorType::IQ1_S, 32>);
  set(TensorType::IQ1_M, kPoints8<TensorType::IQ1_M, 16>);
  set(TensorType::IQ2_XXS, kPoints8<TensorType::IQ2_XXS, 32>);
  set(TensorType::IQ2_XS, kPoints8<TensorType::IQ2_XS, 16>);
  set(TensorType::IQ2_S, kPoints8<TensorType::IQ2_S, 16>);
  set(TensorType::IQ3_XXS, kPoints8<TensorType::IQ3_XXS, 32>);
  set(TensorType::IQ3_S, kPoints8<TensorType::IQ3_S, 32>);
  set(TensorType::TQ1_0, kPoints8<TensorType::TQ1_0, 32>);
  set(TensorType::TQ2_0, kPoints8<TensorType::TQ2_0, 32>);
  set(TensorType::NVFP4, kPoints8<TensorType::NVFP4, 16>);
  set(TensorType::Q1_0, kPoints8<TensorType::Q1_0, 32>);
  set(TensorType::Q2_0, kPoints8<TensorType::Q2_0, 32>);
  return table;
}();

}  // namespace quipu::kernels
