#include "base/random.h"

#include <chrono>
#include <exception>
#include <random>

namespace quipu {

uint64_t random_seed() {
  uint64_t seed = static_cast<uint64_t>(std::chrono::steady_clock::now().time_since_epoch().count());
  try {
    std::random_device device;
    seed ^= (static_cast<uint64_t>(device()) << 32) | device();
  } catch (const std::exception&) {  // a system without a source of entropy: the clock must do
    seed = Random(seed).next();
  }
  return seed == UINT64_MAX ? 0 : seed;
}

}  // namespace quipu
