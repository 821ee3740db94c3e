#include "pack/inflate.h"

#include <algorithm>
#include <array>
#include <memory>

namespace quipu::pack {
namespace {

constexpr int kMaxBits = 15;                 // RFC 1951, 3.2.7: no code is longer
constexpr size_t kWindow = size_t{1} << 15;  // and no match reaches further back
constexpr size_t kBuffer = 2 * kWindow;

// Bits are taken from the lowest of each byte up (RFC 1951, 3.1.1). Behind the end they read as zeros and `overrun`
// says so.
class BitReader {
 public:
  explicit BitReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  uint32_t bits(int n) {
    while (n_bits_ < n) {
      uint32_t next = 0;
      if (position_ < bytes_.size()) {
        next = std::to_integer<uint32_t>(bytes_[position_]);
      } else {
        overrun_ = true;
      }
      ++position_;
      buffer_ |= next << n_bits_;
      n_bits_ += 8;
    }
    const uint32_t value = buffer_ & ((1U << n) - 1);
    buffer_ >>= n;
    n_bits_ -= n;
    return value;
  }
  void drop_to_byte() { buffer_ = 0, n_bits_ = 0; }  // never holds a whole byte after bits()
  [[nodiscard]] bool overrun() const { return overrun_; }
  [[nodiscard]] bool at_end() const { return position_ >= bytes_.size(); }
  [[nodiscard]] size_t position() const { return std::min(position_, bytes_.size()); }
  // Whole bytes, at a byte boundary.
  std::span<const std::byte> take(size_t n) {
    n = std::min(n, bytes_.size() - position());
    auto taken = bytes_.subspan(position(), n);
    position_ += n;
    return taken;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t position_ = 0;
  uint32_t buffer_ = 0;
  int n_bits_ = 0;
  bool overrun_ = false;
};

// A canonical Huffman code (RFC 1951, 3.2.2): how many codes of each length, and the symbols in order of their codes.
struct Huffman {
  std::array<uint16_t, kMaxBits + 1> count{};
  std::array<uint16_t, 288> symbol{};

  // False if the lengths ask for more codes than there are. Incomplete codes are allowed if `single` and there is one
  // code (RFC 1951, 3.2.7: "If only one distance code is used").
  bool build(std::span<const uint8_t> lengths, bool single) {
    count.fill(0);
    for (uint8_t length : lengths) ++count[length];
    int left = 1;
    for (size_t length = 1; length <= kMaxBits; ++length) {
      left = 2 * left - count[length];
      if (left < 0) return false;
    }
    std::array<uint16_t, kMaxBits + 1> offset{};
    for (size_t length = 1; length < kMaxBits; ++length) {
      offset[length + 1] = static_cast<uint16_t>(offset[length] + count[length]);
    }
    for (size_t s = 0; s < lengths.size(); ++s) {
      if (lengths[s] != 0) symbol[offset[lengths[s]]++] = static_cast<uint16_t>(s);
    }
    const size_t n_codes = lengths.size() - count[0];
    return left == 0 || (single && n_codes <= 1);
  }

  // The next symbol, or -1 where the bits are no code.
  int decode(BitReader& in) const {
    int code = 0, first = 0, index = 0;
    for (size_t length = 1; length <= kMaxBits; ++length) {
      code |= static_cast<int>(in.bits(1));
      if (code - count[length] < first) return symbol[static_cast<size_t>(index + code - first)];
      index += count[length];
      first = (first + count[length]) << 1;
      code <<= 1;
    }
    return -1;
  }
};

class Inflater {
 public:
  Inflater(std::span<const std::byte> compressed, uint64_t size, const ByteSink& sink)
      : in_(compressed), size_(size), sink_(sink), buffer_(std::make_unique<std::array<std::byte, kBuffer>>()) {}

  Status run() {
    bool last = false;
    while (!last) {
      last = in_.bits(1) != 0;
      const uint32_t type = in_.bits(2);
      if (in_.overrun()) return damaged("it ends in the middle of a block");
      if (type == 0) {
        QUIPU_CHECK_OK(stored());
      } else if (type == 1) {
        QUIPU_CHECK_OK(fixed_codes());
        QUIPU_CHECK_OK(codes());
      } else if (type == 2) {
        QUIPU_CHECK_OK(dynamic_codes());
        QUIPU_CHECK_OK(codes());
      } else {
        return damaged("unknown type of block");
      }
    }
    if (!in_.at_end()) return damaged("data behind the last block");
    if (n_out_ != size_) return damaged("it decodes to fewer bytes than the entry says");
    return flush();
  }

 private:
  [[nodiscard]] Error damaged(std::string_view what) const {
    return invalid_input("deflated data is damaged at byte {}: {}", in_.position(), what);
  }

  Status flush() {
    const size_t n = static_cast<size_t>(n_out_ - n_flushed_);
    if (n == 0) return {};
    const size_t begin = static_cast<size_t>(n_flushed_ % kBuffer);
    n_flushed_ = n_out_;
    return sink_(std::span(*buffer_).subspan(begin, n));
  }

  // Hands out each half of the ring as it becomes full, so that the other half still holds the last 32 KiB.
  Status put(std::byte b) {
    if (n_out_ == size_) return damaged("it decodes to more bytes than the entry says");
    (*buffer_)[n_out_ % kBuffer] = b;
    ++n_out_;
    return n_out_ % kWindow == 0 ? flush() : Status{};
  }

  Status stored() {
    in_.drop_to_byte();
    const uint32_t length = in_.bits(16), complement = in_.bits(16);
    if (in_.overrun() || (length ^ complement) != 0xFFFF) return damaged("the length of a stored block");
    const auto bytes = in_.take(length);
    if (bytes.size() != length) return damaged("it ends in the middle of a stored block");
    for (std::byte b : bytes) QUIPU_CHECK_OK(put(b));
    return {};
  }

  Status fixed_codes() {  // RFC 1951, 3.2.6
    std::array<uint8_t, 288> lengths{};
    for (size_t s = 0; s < lengths.size(); ++s) lengths[s] = s < 144 ? 8 : s < 256 ? 9 : s < 280 ? 7 : 8;
    literals_.build(lengths, false);
    std::array<uint8_t, 30> five{};
    five.fill(5);
    distances_.build(five, false);  // 30 of 32 codes: the other two decode to -1
    return {};
  }

  Status dynamic_codes() {  // RFC 1951, 3.2.7
    const size_t n_literals = in_.bits(5) + 257, n_distances = in_.bits(5) + 1, n_lengths = in_.bits(4) + 4;
    if (n_literals > 286 || n_distances > 30) return damaged("too many codes");
    static constexpr std::array<uint8_t, 19> kOrder{16, 17, 18, 0, 8, 7, 9, 6, 10, 5, 11, 4, 12, 3, 13, 2, 14, 1, 15};
    std::array<uint8_t, 19> code_lengths{};
    for (size_t i = 0; i < n_lengths; ++i) code_lengths[kOrder[i]] = static_cast<uint8_t>(in_.bits(3));
    Huffman lengths_code;
    if (!lengths_code.build(code_lengths, false)) return damaged("the code of code lengths");
    std::array<uint8_t, 286 + 30> lengths{};
    for (size_t i = 0; i < n_literals + n_distances;) {
      const int symbol = lengths_code.decode(in_);
      if (symbol < 0 || in_.overrun()) return damaged("a code length");
      if (symbol < 16) {
        lengths[i++] = static_cast<uint8_t>(symbol);
        continue;
      }
      if (symbol == 16 && i == 0) return damaged("a repetition of no code length");
      const uint8_t value = symbol == 16 ? lengths[i - 1] : 0;
      const size_t n = symbol == 16 ? 3 + in_.bits(2) : symbol == 17 ? 3 + in_.bits(3) : 11 + in_.bits(7);
      if (n > n_literals + n_distances - i) return damaged("too many code lengths");
      std::fill_n(lengths.begin() + static_cast<ptrdiff_t>(i), n, value);
      i += n;
    }
    if (lengths[256] == 0) return damaged("a block without an end");
    const std::span<const uint8_t> all(lengths);
    if (!literals_.build(all.subspan(0, n_literals), true)) return damaged("the literal code");
    if (!distances_.build(all.subspan(n_literals, n_distances), true)) return damaged("the distance code");
    return {};
  }

  Status codes() {
    static constexpr std::array<uint16_t, 29> kLengthBase{3,  4,  5,  6,   7,   8,   9,   10,  11, 13,
                                                          15, 17, 19, 23,  27,  31,  35,  43,  51, 59,
                                                          67, 83, 99, 115, 131, 163, 195, 227, 258};
    static constexpr std::array<uint8_t, 29> kLengthExtra{0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 2, 2, 2,
                                                          2, 3, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 0};
    static constexpr std::array<uint16_t, 30> kDistanceBase{
        1,   2,   3,   4,   5,   7,    9,    13,   17,   25,   33,   49,   65,    97,    129,
        193, 257, 385, 513, 769, 1025, 1537, 2049, 3073, 4097, 6145, 8193, 12289, 16385, 24577};
    for (;;) {
      const int symbol = literals_.decode(in_);
      if (in_.overrun()) return damaged("it ends in the middle of a block");
      if (symbol < 0 || symbol > 285) return damaged("no literal or length has this code");
      if (symbol == 256) return {};
      if (symbol < 256) {
        QUIPU_CHECK_OK(put(static_cast<std::byte>(symbol)));
        continue;
      }
      const auto l = static_cast<size_t>(symbol - 257);
      const uint32_t length = kLengthBase[l] + in_.bits(kLengthExtra[l]);
      const int d = distances_.decode(in_);
      if (d < 0 || d > 29) return damaged("no distance has this code");
      // Two codes for each number of extra bits, after the first four without (RFC 1951, 3.2.5).
      const uint32_t distance = kDistanceBase[static_cast<size_t>(d)] + in_.bits(d < 4 ? 0 : d / 2 - 1);
      if (in_.overrun()) return damaged("it ends in the middle of a match");
      if (distance > n_out_) return damaged("a match begins before the data");
      for (uint32_t i = 0; i < length; ++i) QUIPU_CHECK_OK(put((*buffer_)[(n_out_ - distance) % kBuffer]));
    }
  }

  BitReader in_;
  uint64_t size_;
  const ByteSink& sink_;
  std::unique_ptr<std::array<std::byte, kBuffer>> buffer_;
  uint64_t n_out_ = 0, n_flushed_ = 0;
  Huffman literals_, distances_;
};

}  // namespace

Status inflate(std::span<const std::byte> compressed, uint64_t size, const ByteSink& sink) {
  return Inflater(compressed, size, sink).run();
}

}  // namespace quipu::pack
