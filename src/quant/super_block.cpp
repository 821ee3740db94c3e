#include "quant/super_block.h"

#include <algorithm>
#include <cmath>

namespace quipu::quant {
namespace {

using Input = BlockInput<kSuperBlock>;

Group group_of(const Input& input, size_t group, size_t s) {
  return input.group(s * group, group);
}

// Solves the two equations of least squares for d and dmin, the integers given. False if they have no single solution.
bool solve_d_dmin(const Input& input, const AffineShape& shape, const AffineSuperBlock& block, float& d, float& dmin) {
  double aa = 0, ab = 0, bb = 0, ax = 0, bx = 0;
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const size_t s = i / shape.group;
    const double a = block.scales[s] * block.q[i];
    const double b = block.mins[s];
    const double w = input.weights[i], x = input.x[i];
    aa += w * a * a, ab += w * a * b, bb += w * b * b, ax += w * a * x, bx += w * b * x;
  }
  const double determinant = aa * bb - ab * ab;
  if (determinant <= 1e-9 * aa * bb) {
    if (aa <= 0 || bb > 0) return false;
    d = static_cast<float>(ax / aa), dmin = 0;
    return true;
  }
  d = static_cast<float>((ax * bb - bx * ab) / determinant);
  dmin = static_cast<float>((ax * ab - bx * aa) / determinant);
  return d > 0 && dmin >= 0;
}

// Picks each sub-block's integers among the neighbours of what its own fit asks for, then the numbers' integers.
// Returns the summed error.
float choose_affine(const Input& input, const AffineShape& shape, const std::array<Affine, 16>& wanted,
                    AffineSuperBlock& block) {
  const float d = block.d.value();
  const float dmin = block.dmin.value();
  float total = 0;
  for (size_t s = 0; s < kSuperBlock / shape.group; ++s) {
    const Group group = group_of(input, shape.group, s);
    const IntRange range{0, shape.scale_max};
    const int scale = d > 0 ? round_into(wanted[s].scale / d, range) : 0;
    const int min = dmin > 0 ? round_into(wanted[s].minimum / dmin, range) : 0;
    float best = INFINITY;
    for (int sc = std::max(scale - 1, 0); sc <= std::min(scale + 1, shape.scale_max); ++sc) {
      for (int m = std::max(min - 1, 0); m <= std::min(min + 1, shape.scale_max); ++m) {
        const float error =
            error_of_fit(group, {{0, shape.q_max}, {}}, {d * static_cast<float>(sc), dmin * static_cast<float>(m)});
        if (error >= best) continue;
        best = error;
        block.scales[s] = static_cast<uint8_t>(sc);
        block.mins[s] = static_cast<uint8_t>(m);
      }
    }
    total += best;
    const float sub_scale = d * static_cast<float>(block.scales[s]);
    const float inverse = finite_inverse(sub_scale);
    const float minimum = dmin * static_cast<float>(block.mins[s]);
    for (size_t i = 0; i < shape.group; ++i) {
      block.q[s * shape.group + i] =
          static_cast<uint8_t>(round_into((group.x[i] + minimum) * inverse, {0, shape.q_max}));
    }
  }
  return total;
}

float choose_symmetric(const Input& input, const SymmetricShape& shape, const std::array<float, 16>& wanted,
                       SymmetricSuperBlock& block) {
  const float d = block.d.value();
  float total = 0;
  for (size_t s = 0; s < kSuperBlock / shape.group; ++s) {
    const Group group = group_of(input, shape.group, s);
    const int scale = d != 0 ? round_into(wanted[s] / d, shape.scale) : 0;
    float best = INFINITY;
    for (int sc = std::max(scale - 1, shape.scale.min); sc <= std::min(scale + 1, shape.scale.max); ++sc) {
      const float error = error_of_fit(group, shape.q, {d * static_cast<float>(sc), 0});
      if (error >= best) continue;
      best = error;
      block.scales[s] = static_cast<int8_t>(sc);
    }
    total += best;
    const float sub_scale = d * static_cast<float>(block.scales[s]);
    int8_t* q = block.q.data() + s * shape.group;
    if (!shape.q.levels.empty()) {
      nearest_levels(group.x, shape.q.levels, sub_scale, reinterpret_cast<uint8_t*>(q));
      continue;
    }
    const float inverse = finite_inverse(sub_scale);
    for (size_t i = 0; i < shape.group; ++i) {
      q[i] = static_cast<int8_t>(round_into(group.x[i] * inverse, shape.q.range));
    }
  }
  return total;
}

}  // namespace

AffineSuperBlock fit_affine_super(const BlockInput<kSuperBlock>& input, const AffineShape& shape) {
  std::array<Affine, 16> wanted{};
  float largest_scale = 0;
  float largest_min = 0;
  for (size_t s = 0; s < kSuperBlock / shape.group; ++s) {
    wanted[s] = fit_affine(group_of(input, shape.group, s), shape.q_max);
    // A negative scale counts downwards from the largest number; the formats' scales are not negative.
    if (wanted[s].scale < 0) wanted[s] = {0, std::max(wanted[s].minimum, 0.f)};
    largest_scale = std::max(largest_scale, wanted[s].scale);
    largest_min = std::max(largest_min, wanted[s].minimum);
  }
  AffineSuperBlock block;
  const auto scale_max = static_cast<float>(shape.scale_max);
  block.d = finite_half(largest_scale / scale_max);
  block.dmin = finite_half(largest_min / scale_max);
  const float error = choose_affine(input, shape, wanted, block);
  float d = 0;
  float dmin = 0;
  if (solve_d_dmin(input, shape, block, d, dmin)) {
    AffineSuperBlock refined = block;
    refined.d = finite_half(d);
    refined.dmin = finite_half(dmin);
    if (choose_affine(input, shape, wanted, refined) < error) return refined;
  }
  return block;
}

SymmetricSuperBlock fit_symmetric(const BlockInput<kSuperBlock>& input, const SymmetricShape& shape) {
  std::array<float, 16> wanted{};
  float largest = 0;
  for (size_t s = 0; s < kSuperBlock / shape.group; ++s) {
    wanted[s] = fit_scale(group_of(input, shape.group, s), shape.q);
    if (std::fabs(wanted[s]) > std::fabs(largest)) largest = wanted[s];
  }
  SymmetricSuperBlock block;
  // The range has one more negative integer than positive ones: the largest scale takes it.
  block.d = finite_half(largest / static_cast<float>(shape.scale.min));
  const float error = choose_symmetric(input, shape, wanted, block);
  double xa = 0;
  double aa = 0;
  for (size_t i = 0; i < kSuperBlock; ++i) {
    const bool is_place = !shape.q.levels.empty();
    const int8_t q = is_place ? shape.q.levels[static_cast<uint8_t>(block.q[i])] : block.q[i];
    const double a = block.scales[i / shape.group] * q;
    const double w = input.weights[i];
    xa += w * a * input.x[i], aa += w * a * a;
  }
  if (aa > 0) {
    SymmetricSuperBlock refined = block;
    refined.d = finite_half(static_cast<float>(xa / aa));
    if (choose_symmetric(input, shape, wanted, refined) < error) return refined;
  }
  return block;
}

}  // namespace quipu::quant
