#include "quant/codebook.h"

#include <algorithm>
#include <numeric>

namespace quipu::quant {
namespace {

template <size_t kDims>
float distance(const std::array<Float4, kDims / kLanes>& a, const std::array<Float4, kDims / kLanes>& b) {
  Float4 sum{};
  for (size_t i = 0; i < a.size(); ++i) sum += (a[i] - b[i]) * (a[i] - b[i]);
  return sum4(sum);
}

}  // namespace

template <size_t kDims>
Codebook<kDims>::Codebook(std::span<const int8_t> levels, const std::vector<std::array<uint8_t, kDims>>& points) {
  for (size_t l = 1; l < levels.size(); ++l) middles_.push_back(0.5f * static_cast<float>(levels[l - 1] + levels[l]));
  size_t n_combinations = 1;
  for (size_t i = 0; i < kDims; ++i) n_combinations *= levels.size();
  const auto vector_of = [&](const std::array<uint8_t, kDims>& places) {
    Vector vector;
    for (size_t i = 0; i < kDims; ++i) vector[i / kLanes][i % kLanes] = static_cast<float>(levels[places[i]]);
    return vector;
  };
  constexpr int32_t kNone = INT32_MIN;
  place_.assign(n_combinations, kNone);
  for (const auto& places : points) {
    points_.push_back(vector_of(places));
    place_[combination_of(points_.back())] = static_cast<int32_t>(points_.size() - 1);
  }
  std::vector<float> distances(points_.size());
  std::vector<uint16_t> order(points_.size());
  for (size_t combination = 0; combination < n_combinations; ++combination) {
    if (place_[combination] != kNone) continue;
    std::array<uint8_t, kDims> places{};
    size_t rest = combination;
    for (size_t i = kDims; i-- > 0; rest /= levels.size()) places[i] = static_cast<uint8_t>(rest % levels.size());
    const Vector vector = vector_of(places);
    for (size_t p = 0; p < points_.size(); ++p) distances[p] = distance<kDims>(vector, points_[p]);
    std::iota(order.begin(), order.end(), uint16_t{0});
    std::partial_sort(order.begin(), order.begin() + kNeighbours, order.end(), [&](uint16_t a, uint16_t b) {
      return distances[a] != distances[b] ? distances[a] < distances[b] : a < b;
    });
    place_[combination] = -1 - static_cast<int32_t>(neighbours_.size());
    neighbours_.insert(neighbours_.end(), order.begin(), order.begin() + kNeighbours);
  }
}

template <size_t kDims>
size_t Codebook<kDims>::combination_of(const Vector& x) const {
  // The place of each number's nearest level is the number of middles below it.
  Vector places{};
  for (const float middle : middles_) {
    for (size_t i = 0; i < x.size(); ++i) places[i] += x[i] > all4(middle) ? all4(1) : all4(0);
  }
  size_t combination = 0;
  for (size_t i = 0; i < kDims; ++i) {
    combination = combination * (middles_.size() + 1) + static_cast<size_t>(places[i / kLanes][i % kLanes]);
  }
  return combination;
}

template <size_t kDims>
size_t Codebook<kDims>::nearest(const Vector& x, const Vector& w) const {
  const int32_t place = place_[combination_of(x)];
  // A number's nearest level is the best choice whatever its weight, so nothing can be nearer.
  if (place >= 0) return static_cast<size_t>(place);
  const uint16_t* candidates = neighbours_.data() + (-1 - place);
  size_t best = candidates[0];
  float best_error = 0;
  for (size_t c = 0; c < kNeighbours; ++c) {
    const Vector& p = points_[candidates[c]];
    Float4 sum{};
    for (size_t i = 0; i < x.size(); ++i) sum += w[i] * (x[i] - p[i]) * (x[i] - p[i]);
    const float error = sum4(sum);
    if (c != 0 && error >= best_error) continue;
    best_error = error;
    best = candidates[c];
  }
  return best;
}

template class Codebook<8>;
template class Codebook<4>;

}  // namespace quipu::quant
