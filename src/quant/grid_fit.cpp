#include "quant/grid_fit.h"

#include <algorithm>
#include <bit>
#include <cmath>

#include "quant/fit.h"

namespace quipu::quant {
namespace {

// Scales that are tried map a sub-block's largest number to top_level * (1 + kStep k), k from kFirst to kLast: few
// points have several numbers at the top level, so the best scale may well cut the largest number.
constexpr int kFirst = -1;
constexpr int kLast = 6;
constexpr float kStep = 0.15f;
constexpr int kMaxRefinements = 4;
constexpr float kNothing = 1e-12f;
constexpr float kShift = 0.125f;

using Group8 = std::array<Float4, 2>;

// A group as the codebook sees it: magnitudes (one of them negative, if an odd number of minus signs is not allowed) or
// the numbers themselves.
struct Signed {
  Group8 x, w;
  uint8_t signs = 0;
};

Signed take_signs(const float* x, const float* weights, GridSigns kind) {
  Signed taken;
  std::array<float, kGridGroup> magnitudes{};
  size_t smallest = 0;
  for (size_t i = 0; i < kGridGroup; ++i) {
    magnitudes[i] = kind == GridSigns::shift ? x[i] : std::fabs(x[i]);
    if (kind != GridSigns::shift && x[i] < 0) taken.signs = static_cast<uint8_t>(taken.signs | (1 << i));
    const auto cost = [&](size_t at) { return weights[at] * magnitudes[at] * magnitudes[at]; };
    if (cost(i) < cost(smallest)) smallest = i;
  }
  if (kind == GridSigns::even && std::popcount(taken.signs) % 2 != 0) {
    taken.signs = static_cast<uint8_t>(taken.signs ^ (1 << smallest));
    magnitudes[smallest] = -magnitudes[smallest];
  }
  taken.x = {load4(magnitudes.data()), load4(magnitudes.data() + kLanes)};
  taken.w = {load4(weights), load4(weights + kLanes)};
  return taken;
}

// What a group becomes at a scale: its points and q, the numbers that x / scale is replaced by.
struct Choice {
  std::array<uint16_t, 2> index{};
  bool shift_down = false;
  Group8 q;
};

Choice choose_point(const GridShape& shape, const Group8& scaled, const Group8& w, float shift) {
  Choice choice;
  if (shape.book4 != nullptr) {
    for (size_t half = 0; half < 2; ++half) {
      const size_t index = shape.book4->nearest({scaled[half]}, {w[half]});
      choice.index[half] = static_cast<uint16_t>(index);
      choice.q[half] = shape.book4->point(index)[0];
    }
    return choice;
  }
  const Group8 unshifted{scaled[0] - all4(shift), scaled[1] - all4(shift)};
  const size_t index = shape.book8->nearest(unshifted, w);
  choice.index[0] = static_cast<uint16_t>(index);
  choice.shift_down = shift < 0;
  const auto& point = shape.book8->point(index);
  choice.q = {point[0] + all4(shift), point[1] + all4(shift)};
  return choice;
}

float group_error(const Group8& a, const Group8& b, const Group8& w) {
  const Group8 difference{a[0] - b[0], a[1] - b[1]};
  return sum4(w[0] * difference[0] * difference[0] + w[1] * difference[1] * difference[1]);
}

// `shift_down` is used by types with a shift for each sub-block.
Choice choose(const GridShape& shape, const Signed& group, float inverse, bool shift_down) {
  const Group8 scaled{group.x[0] * all4(inverse), group.x[1] * all4(inverse)};
  const Group8& w = group.w;
  if (shape.signs != GridSigns::shift) return choose_point(shape, scaled, w, 0);
  if (!shape.shift_by_group) return choose_point(shape, scaled, w, shift_down ? -kShift : kShift);
  const Choice up = choose_point(shape, scaled, w, kShift);
  const Choice down = choose_point(shape, scaled, w, -kShift);
  return group_error(scaled, down.q, w) < group_error(scaled, up.q, w) ? down : up;
}

// Sums of a sub-block with the points that a scale gives.
struct Sums {
  float xq = 0, qq = 0;
  [[nodiscard]] float gain() const { return qq > 0 ? xq * xq / qq : 0; }
  [[nodiscard]] float scale() const { return qq > 0 ? xq / qq : 0; }
};

Sums sums_of(const Signed& group, const Group8& q) {
  const Group8 wq{group.w[0] * q[0], group.w[1] * q[1]};
  return {sum4(group.x[0] * wq[0] + group.x[1] * wq[1]), sum4(q[0] * wq[0] + q[1] * wq[1])};
}

class SubBlock {
 public:
  SubBlock(const GridShape& shape, const float* x, const float* weights) : shape_(shape) {
    for (size_t g = 0; g < shape.groups_per_sub; ++g) {
      groups_[g] = take_signs(x + g * kGridGroup, weights + g * kGridGroup, shape.signs);
    }
    for (size_t i = 0; i < shape.groups_per_sub * kGridGroup; ++i) largest_ = std::max(largest_, std::fabs(x[i]));
  }

  [[nodiscard]] float fit_scale(bool shift_down) const {
    if (largest_ < kNothing) return 0;
    Sums best;
    for (int k = kFirst; k <= kLast; ++k) {
      const Sums found = sums(shape_.top_level * (1 + kStep * static_cast<float>(k)) / largest_, shift_down);
      if (found.scale() > 0 && found.gain() > best.gain()) best = found;
    }
    for (int i = 0; i < kMaxRefinements && best.scale() > 0; ++i) {
      const Sums found = sums(finite_inverse(best.scale()), shift_down);
      if (!(found.scale() > 0 && found.gain() > best.gain())) break;
      best = found;
    }
    return best.scale();
  }

  [[nodiscard]] float error(float scale, bool shift_down) const {
    const float inverse = finite_inverse(scale);
    float error = 0;
    for (size_t g = 0; g < shape_.groups_per_sub; ++g) {
      const Choice choice = choose(shape_, groups_[g], inverse, shift_down);
      error += group_error(groups_[g].x, {choice.q[0] * all4(scale), choice.q[1] * all4(scale)}, groups_[g].w);
    }
    return error;
  }

  // Puts the points at the given scale into groups first_group and following of `block`, and adds to the sums over x
  // and q (in units of the scale) with which d is solved for.
  void put(float scale, bool shift_down, size_t first_group, GridSuperBlock& block, double& xq, double& qq) const {
    const float inverse = finite_inverse(scale);
    for (size_t g = 0; g < shape_.groups_per_sub; ++g) {
      const Choice choice = choose(shape_, groups_[g], inverse, shift_down);
      block.index[first_group + g] = choice.index;
      block.signs[first_group + g] = groups_[g].signs;
      block.shift_down[first_group + g] = choice.shift_down;
      const Sums of_group = sums_of(groups_[g], choice.q);
      xq += double{of_group.xq} * scale;
      qq += double{of_group.qq} * scale * scale;
    }
  }

 private:
  [[nodiscard]] Sums sums(float inverse, bool shift_down) const {
    Sums total;
    for (size_t g = 0; g < shape_.groups_per_sub; ++g) {
      const Sums of_group = sums_of(groups_[g], choose(shape_, groups_[g], inverse, shift_down).q);
      total.xq += of_group.xq;
      total.qq += of_group.qq;
    }
    return total;
  }

  const GridShape& shape_;
  std::array<Signed, 4> groups_;
  float largest_ = 0;
};

// Picks the scales near those that are wanted, with the shift that suits them, and the points. Returns the error and,
// in `better_d`, the d that suits the choice best.
float choose_all(const GridShape& shape, const std::array<SubBlock*, 16>& subs, const std::array<float, 16>& wanted,
                 GridSuperBlock& block, float& better_d) {
  const float step = block.d.value() * shape.unit;
  const int n_shifts = shape.signs == GridSigns::shift && !shape.shift_by_group ? 2 : 1;
  float total = 0;
  double xq = 0;
  double qq = 0;
  for (size_t s = 0; s < kGridGroups / shape.groups_per_sub; ++s) {
    const int near = step > 0 ? round_into((wanted[s] / step - 1) / 2, {0, shape.scale_max}) : 0;
    float best = INFINITY;
    bool best_shift = false;
    for (int scale = std::max(near - 1, 0); scale <= std::min(near + 1, shape.scale_max); ++scale) {
      for (int shift = 0; shift < n_shifts; ++shift) {
        const float error = subs[s]->error(step * static_cast<float>(2 * scale + 1), shift != 0);
        if (error >= best) continue;
        best = error;
        best_shift = shift != 0;
        block.scales[s] = static_cast<uint8_t>(scale);
      }
    }
    total += best;
    const float scale = step * static_cast<float>(2 * block.scales[s] + 1);
    subs[s]->put(scale, best_shift, s * shape.groups_per_sub, block, xq, qq);
  }
  better_d = qq > 0 ? block.d.value() * static_cast<float>(xq / qq) : 0;
  return total;
}

}  // namespace

GridSuperBlock fit_grid(const BlockInput<kSuperBlock>& input, const GridShape& shape) {
  std::vector<SubBlock> storage;
  std::array<SubBlock*, 16> subs{};
  std::array<float, 16> wanted{};
  const size_t n_subs = kGridGroups / shape.groups_per_sub;
  storage.reserve(n_subs);
  float largest = 0;
  for (size_t s = 0; s < n_subs; ++s) {
    const size_t first = s * shape.groups_per_sub * kGridGroup;
    subs[s] = &storage.emplace_back(shape, input.x.data() + first, input.weights.data() + first);
    wanted[s] = subs[s]->fit_scale(false);
    if (shape.signs == GridSigns::shift && !shape.shift_by_group) {
      const float down = subs[s]->fit_scale(true);
      if (wanted[s] == 0 || (down > 0 && subs[s]->error(down, true) < subs[s]->error(wanted[s], false)))
        wanted[s] = down;
    }
    largest = std::max(largest, wanted[s]);
  }
  GridSuperBlock block;
  block.d = finite_half(largest / (shape.unit * static_cast<float>(2 * shape.scale_max + 1)));
  float better_d = 0;
  const float error = choose_all(shape, subs, wanted, block, better_d);
  if (better_d > 0) {
    GridSuperBlock refined = block;
    refined.d = finite_half(better_d);
    if (choose_all(shape, subs, wanted, refined, better_d) < error) return refined;
  }
  return block;
}

}  // namespace quipu::quant
