#include "pack/inflate.h"

#include <gtest/gtest.h>

#include <random>

#include "tests/pack/pack_test_files.h"

namespace quipu::pack {
namespace {

Result<std::string> inflated(const std::string& compressed, uint64_t size) {
  std::string out;
  const auto status = inflate(bytes_of(compressed), size, [&](std::span<const std::byte> piece) -> Status {
    EXPECT_LE(piece.size(), 32768U);
    out.append(reinterpret_cast<const char*>(piece.data()), piece.size());
    return {};
  });
  if (!status.ok()) return status.error();
  return out;
}

std::vector<std::filesystem::path> all_streams() {
  std::vector<std::filesystem::path> paths;
  for (const auto& item : std::filesystem::directory_iterator(reference(""))) {
    if (item.path().extension() == ".deflate") paths.push_back(item.path());
  }
  return paths;
}

TEST(Inflate, EqualsZlibAtEveryLevelAndStrategy) {
  const auto paths = all_streams();
  EXPECT_EQ(paths.size(), 80U);
  for (auto path : paths) {
    const std::string compressed = slurp(path);
    const std::string raw = slurp(path.replace_extension(".raw"));
    const auto result = inflated(compressed, raw.size());
    ASSERT_TRUE(result.ok()) << path << ": " << result.error().message;
    EXPECT_TRUE(*result == raw) << path;
  }
}

TEST(Inflate, AStreamCutShortIsAnError) {
  const std::string compressed = slurp(reference("text-level6.deflate"));
  const uint64_t size = slurp(reference("text-level6.raw")).size();
  for (const size_t keep : {size_t{0}, size_t{1}, size_t{2}, size_t{50}, size_t{5000}, compressed.size() - 1}) {
    EXPECT_FALSE(inflated(compressed.substr(0, keep), size).ok()) << keep;
  }
}

TEST(Inflate, TheSizeMustBeRight) {
  const std::string compressed = slurp(reference("letter-level6.deflate"));
  EXPECT_FALSE(inflated(compressed, 70'000).ok());
  EXPECT_FALSE(inflated(compressed, 70'002).ok());
  EXPECT_FALSE(inflated(compressed + "x", 70'001).ok());
}

TEST(Inflate, ChangedBitsNeverHangOrCrash) {
  std::mt19937 random(7);
  for (const std::string name : {"text-level6", "skewed-huffman", "letter-level9", "text-fixed"}) {
    const std::string good = slurp(reference(name + ".deflate"));
    const uint64_t size = slurp(reference(name + ".raw")).size();
    for (int i = 0; i < 200; ++i) {
      std::string bad = good.substr(0, 3000);
      bad[random() % bad.size()] ^= static_cast<char>(1 << random() % 8);
      const auto result = inflated(bad, size);
      EXPECT_TRUE(!result.ok() || result->size() == size);
    }
  }
}

TEST(Inflate, ImpossibleCodesAreErrors) {
  // Block type 3; a stored block whose length and complement disagree; too many code lengths (HLIT 30 and more).
  EXPECT_FALSE(inflated("\x07", 1).ok());
  EXPECT_FALSE(inflated(std::string("\x01\x01\x00\x00\x00x", 6), 1).ok());
  EXPECT_FALSE(inflated(std::string("\xfd\xff\xff\xff\xff\xff", 6), 1).ok());
}

TEST(Inflate, TheSinkCanStop) {
  const std::string compressed = slurp(reference("zeros-level6.deflate"));
  int pieces = 0;
  const auto status = inflate(bytes_of(compressed), 100'000, [&](std::span<const std::byte>) -> Status {
    ++pieces;
    return error_of(ErrorKind::cancelled, "enough");
  });
  EXPECT_EQ(status.error().kind, ErrorKind::cancelled);
  EXPECT_EQ(pieces, 1);
}

}  // namespace
}  // namespace quipu::pack
