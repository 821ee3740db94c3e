#include "pack/crc32.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <sstream>

#include "tests/pack/pack_test_files.h"

namespace quipu::pack {
namespace {

TEST(Crc32, EqualsZlib) {
  std::istringstream lines(slurp(reference("crc32.txt")));
  std::string name, crc;
  int n = 0;
  while (lines >> name >> crc) {
    EXPECT_EQ(fmt::format("{:08x}", crc32(0, bytes_of(slurp(reference(name))))), crc) << name;
    ++n;
  }
  EXPECT_EQ(n, 8);
}

TEST(Crc32, GoesOnWhereItStopped) {
  const std::string text = slurp(reference("noise-level0.raw"));
  const uint32_t whole = crc32(0, bytes_of(text));
  for (const size_t cut : {0, 1, 7, 8, 9, 4095, 69999, 70000}) {
    EXPECT_EQ(crc32(crc32(0, bytes_of(text).first(cut)), bytes_of(text).subspan(cut)), whole) << cut;
  }
}

TEST(Crc32, ZerosWithoutReadingThem) {
  for (const size_t n : {0, 1, 2, 3, 255, 256, 65537}) {
    const std::string zeros(n, '\0');
    EXPECT_EQ(crc32_zeros(0x12345678, n), crc32(0x12345678, bytes_of(zeros))) << n;
  }
  // Twice 5 GiB in two steps and in one.
  const uint64_t five_gib = uint64_t{5} << 30;
  EXPECT_EQ(crc32_zeros(crc32_zeros(1, five_gib), five_gib), crc32_zeros(1, 2 * five_gib));
}

}  // namespace
}  // namespace quipu::pack
