// Random numbers that are the same on every machine: Philox4x64-10, a counter-based generator
// (Salmon, Moraes, Dror, Shaw: "Parallel random numbers: as easy as 1, 2, 3", SC 2011, sections 3.1 and 4.3).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace quipu {

// The stream of numpy.random.Philox(key=seed): next() gives its random_raw(), uniform() its Generator's random().
// Copying copies the position. Not for secrets.
class Random {
 public:
  explicit Random(uint64_t seed) : key_(seed) {}

  uint64_t next() {
    if (used_ == block_.size()) {
      block_ = philox4x64(++counter_, key_);
      used_ = 0;
    }
    return block_[used_++];
  }

  // A multiple of 2^-53 in [0, 1).
  double uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

 private:
  using Block = std::array<uint64_t, 4>;

  // The ten rounds over the counter (counter, 0, 0, 0) with the key (key, 0). A 64-bit counter is 2^66 numbers.
  static Block philox4x64(uint64_t counter, uint64_t key) {
    __extension__ typedef unsigned __int128 Wide;
    Block x{counter, 0, 0, 0};
    uint64_t k0 = key, k1 = 0;
    for (int round = 0; round < 10; ++round) {
      const Wide a = static_cast<Wide>(0xD2E7470EE14C6C93u) * x[0];
      const Wide b = static_cast<Wide>(0xCA5A826395121157u) * x[2];
      x = {static_cast<uint64_t>(b >> 64) ^ x[1] ^ k0, static_cast<uint64_t>(b),
           static_cast<uint64_t>(a >> 64) ^ x[3] ^ k1, static_cast<uint64_t>(a)};
      k0 += 0x9E3779B97F4A7C15u;  // the golden ratio
      k1 += 0xBB67AE8584CAA73Bu;  // sqrt(3) - 1
    }
    return x;
  }

  uint64_t key_;
  uint64_t counter_ = 0;
  Block block_{};
  size_t used_ = 4;
};

// A seed from the system's entropy; never UINT64_MAX. From any thread.
uint64_t random_seed();

}  // namespace quipu
