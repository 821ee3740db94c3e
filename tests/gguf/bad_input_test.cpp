// Every number of a GGUF that can be wrong, and the message it gets.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "gguf/gguf.h"
#include "tests/gguf/builder.h"

namespace quipu::gguf {
namespace {

using test::Builder;
constexpr uint32_t kF32 = 0;
constexpr uint32_t kQ8_0 = 8;
constexpr uint64_t kHuge = ~uint64_t{0};

#define EXPECT_REFUSED(builder, why)                   \
  do {                                                 \
    const auto opened = (builder).open();              \
    ASSERT_FALSE(opened.ok());                         \
    EXPECT_EQ(opened.error().message, "x.gguf: " why); \
  } while (false)

// One tensor that is right: 24 bytes of header, its entry, padding to 96, 128 bytes of data.
Builder one_tensor(const std::vector<uint64_t>& dims = {32}, uint32_t type = kF32, uint64_t offset = 0) {
  Builder b;
  b.header(1, 0).tensor("weight", dims, type, offset).pad(32).zeros(128);
  return b;
}

TEST(BadHeader, EmptyFile) {
  EXPECT_REFUSED(Builder(), "the file is empty");
}

TEST(BadHeader, NotAGguf) {
  EXPECT_REFUSED(Builder().text("PK\x03\x04 and more"),
                 "not a GGUF file: it begins with 'PK\\x03\\x04', not with 'GGUF'");
  EXPECT_REFUSED(Builder().text("x"), "not a GGUF file: it begins with 'x', not with 'GGUF'");
}

TEST(BadHeader, OlderFormat) {
  EXPECT_REFUSED(Builder().text("tjgg").u32(1), "a model in a format older than GGUF: convert it again");
}

TEST(BadHeader, CutOff) {
  EXPECT_REFUSED(Builder().text("GG"), "the file is cut off: it ends at byte 2, within the header");
  EXPECT_REFUSED(Builder().text("GGUF"), "the file is cut off: it ends at byte 4, within the header");
  EXPECT_REFUSED(Builder().text("GGUF").u32(3).u64(0), "the file is cut off: it ends at byte 16, within the header");
}

TEST(BadHeader, Version) {
  EXPECT_REFUSED(Builder().header(0, 0, 1),
                 "GGUF version 1 (at byte 4) is not supported, 2 and 3 are: convert it again");
  EXPECT_REFUSED(Builder().header(0, 0, 0), "GGUF version 0 (at byte 4) is not known, 2 and 3 are");
  EXPECT_REFUSED(Builder().header(0, 0, 4), "GGUF version 4 (at byte 4) is not known, 2 and 3 are");
  EXPECT_EQ(Builder().header(0, 0, 4).open().error().kind, ErrorKind::unsupported);
}

TEST(BadHeader, BigEndian) {
  EXPECT_REFUSED(
      Builder().header(0, 0, 0x03000000),
      "a big-endian GGUF file (version at byte 4): only little-endian ones can be read; gguf-convert-endian of "
      "the Python package gguf converts it");
}

TEST(BadHeader, Counts) {
  EXPECT_REFUSED(Builder().header(kHuge, 0),
                 "the header at byte 8 asks for 18446744073709551615 tensors: the limit is 262144");
  EXPECT_REFUSED(Builder().header(0, kHuge),
                 "the header at byte 16 asks for 18446744073709551615 keys: the limit is 65536");
  EXPECT_REFUSED(Builder().header(1000, 0), "the header at byte 8 asks for 1000 tensors, which 0 bytes cannot hold");
  EXPECT_REFUSED(Builder().header(0, 1000).zeros(100),
                 "the header at byte 16 asks for 1000 keys, which 100 bytes cannot hold");
}

TEST(BadKey, Name) {
  EXPECT_REFUSED(Builder().header(0, 1).string("").zeros(20),
                 "key 1 at byte 24: its name has 0 bytes (1 to 65535 are allowed)");
  EXPECT_REFUSED(Builder().header(0, 1).string(std::string(65536, 'k')).zeros(20),
                 "key 1 at byte 24: its name has 65536 bytes (1 to 65535 are allowed)");
  EXPECT_REFUSED(Builder().header(0, 1).u64(kHuge).zeros(20),
                 "the file is cut off: it ends at byte 52, within the name of key 1 of 1 at byte 24");
}

TEST(BadKey, NameWithControlCharactersIsShownSafely) {
  EXPECT_REFUSED(Builder().header(0, 1).key("\x1b[2J'\xff", 99).zeros(4),
                 "key '\\x1b[2J\\x27\\xff' at byte 24: value type 99 (at byte 38) is not known");
}

TEST(BadKey, ValueType) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", 13).zeros(8),
                 "key 'k' at byte 24: value type 13 (at byte 33) is not known");
}

TEST(BadKey, ValueCutOff) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::u64).u32(0),
                 "the file is cut off: it ends at byte 41, within key 'k' at byte 24");
  EXPECT_REFUSED(Builder().header(0, 1).key("key", ValueType::string).u32(0),
                 "the file is cut off: it ends at byte 43, within key 'key' at byte 24");
  EXPECT_REFUSED(Builder().header(0, 1).key("key", ValueType::array).u32(0),
                 "the file is cut off: it ends at byte 43, within key 'key' at byte 24");
}

TEST(BadKey, StringLength) {
  EXPECT_REFUSED(
      Builder().header(0, 1).key("k", ValueType::string).u64(kHuge).text("abc"),
      "key 'k' at byte 24: a string of 18446744073709551615 bytes (at byte 37), but the file ends after 3 more");
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::string).u64(4).text("abc"),
                 "key 'k' at byte 24: a string of 4 bytes (at byte 37), but the file ends after 3 more");
}

TEST(BadKey, Boolean) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::boolean).number<uint8_t>(2),
                 "key 'k' at byte 24: 2 (at byte 37) is no boolean: 0 or 1");
}

TEST(BadKey, Duplicate) {
  EXPECT_REFUSED(Builder()
                     .header(0, 3)
                     .key("k", ValueType::u32)
                     .u32(1)
                     .key("other", ValueType::u32)
                     .u32(1)
                     .key("k", ValueType::string)
                     .string("v"),
                 "key 'k' at byte 62: the same key stands at byte 24 already");
}

TEST(BadArray, ElementType) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::array).u32(77).u64(0),
                 "key 'k' at byte 24: element type 77 (at byte 37) is not known");
}

TEST(BadArray, HugeCount) {
  EXPECT_REFUSED(
      Builder().header(0, 1).key("k", ValueType::array).array(ValueType::u64, kHuge).u64(0),
      "key 'k' at byte 24: an array of 18446744073709551615 elements (at byte 49) needs 8 bytes each, but the "
      "file ends after 8 more");
  // 8 * 2^61 wraps to 0.
  EXPECT_REFUSED(
      Builder().header(0, 1).key("k", ValueType::array).array(ValueType::f64, uint64_t{1} << 61),
      "key 'k' at byte 24: an array of 2305843009213693952 elements (at byte 49) needs 8 bytes each, but the "
      "file ends after 0 more");
  EXPECT_REFUSED(
      Builder().header(0, 1).key("k", ValueType::array).array(ValueType::string, 2).u64(0),
      "key 'k' at byte 24: an array of 2 elements (at byte 49) needs 8 bytes each, but the file ends after 8 "
      "more");
}

TEST(BadArray, StringBeyondTheEnd) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::array).array(ValueType::string, 2).string("a").u64(kHuge),
                 "key 'k' at byte 24: string 1 of 2 (at byte 58) reaches beyond the end of the file at byte 66");
}

TEST(BadArray, NestedTooDeep) {
  Builder b;
  b.header(0, 1).key("k", ValueType::array);
  for (int i = 0; i < 100000; ++i) b.array(ValueType::array, 1);
  b.array(ValueType::u8, 0);
  EXPECT_REFUSED(b, "key 'k' at byte 24: arrays nested more than 4 deep (at byte 85)");
  EXPECT_EQ(b.open().error().kind, ErrorKind::limit_exceeded);
}

TEST(BadArray, NestedElements) {
  EXPECT_REFUSED(Builder().header(0, 1).key("k", ValueType::array).array(ValueType::array, 1).u32(50).u64(0),
                 "key 'k' at byte 24: element type 50 (at byte 49) is not known");
  EXPECT_REFUSED(
      Builder().header(0, 1).key("k", ValueType::array).array(ValueType::array, 1).array(ValueType::u8, 9),
      "key 'k' at byte 24: an array of 9 elements (at byte 61) needs 1 bytes each, but the file ends after 0 "
      "more");
}

TEST(BadAlignment, NotAPowerOfTwo) {
  for (const uint32_t alignment : {0u, 3u, 48u, 0xffffffffu}) {
    EXPECT_REFUSED(Builder().header(0, 1).key("general.alignment", ValueType::u32).u32(alignment),
                   "key 'general.alignment' at byte 24: the alignment must be a power of two");
  }
}

TEST(BadAlignment, NotANumberOf32Bits) {
  EXPECT_REFUSED(Builder().header(0, 1).key("general.alignment", ValueType::string).string("32"),
                 "key 'general.alignment' at byte 24: the alignment must be a power of two");
  EXPECT_REFUSED(Builder().header(0, 1).key("general.alignment", ValueType::u64).u64(uint64_t{1} << 40),
                 "key 'general.alignment' at byte 24: the alignment must be a power of two");
}

TEST(BadAlignment, BeyondTheEndOfTheFile) {
  EXPECT_REFUSED(Builder()
                     .header(1, 1)
                     .key("general.alignment", ValueType::u32)
                     .u32(0x80000000)
                     .tensor("weight", {32}, kF32, 0)
                     .zeros(128),
                 "tensor 'weight' at byte 57: its data of 128 bytes from byte 2147483648 reaches beyond the end of the "
                 "file at byte 223: cut off?");
}

TEST(BadTensor, Name) {
  EXPECT_REFUSED(Builder().header(1, 0).tensor("", {32}, kF32, 0).zeros(200),
                 "tensor 1 at byte 24: its name has 0 bytes (1 to 1024 are allowed)");
  EXPECT_REFUSED(Builder().header(1, 0).tensor(std::string(1025, 'n'), {32}, kF32, 0).zeros(200),
                 "tensor 1 at byte 24: its name has 1025 bytes (1 to 1024 are allowed)");
  EXPECT_REFUSED(Builder().header(1, 0).u64(kHuge).zeros(24),
                 "the file is cut off: it ends at byte 56, within the name of tensor 1 of 1 at byte 24");
}

TEST(BadTensor, DuplicateName) {
  EXPECT_REFUSED(
      Builder().header(2, 0).tensor("weight", {32}, kF32, 0).tensor("weight", {32}, kF32, 128).pad(32).zeros(256),
      "tensor 'weight' at byte 62: a tensor of the same name stands at byte 24 already");
}

TEST(BadTensor, NumberOfDimensions) {
  EXPECT_REFUSED(one_tensor({}), "tensor 'weight' at byte 24: 0 dimensions (1 to 4 are allowed)");
  EXPECT_REFUSED(one_tensor({1, 1, 1, 1, 1}), "tensor 'weight' at byte 24: 5 dimensions (1 to 4 are allowed)");
}

TEST(BadTensor, ZeroDimension) {
  EXPECT_REFUSED(one_tensor({32, 0}), "tensor 'weight' at byte 24: dimension 1 (at byte 50) is 0");
}

TEST(BadTensor, DimensionsOverflow) {
  EXPECT_REFUSED(
      one_tensor({uint64_t{1} << 32, uint64_t{1} << 32}),
      "tensor 'weight' at byte 24: dimension 1 (at byte 50) is 4294967296: more elements than can be counted");
  EXPECT_REFUSED(
      one_tensor({uint64_t{1} << 63}),
      "tensor 'weight' at byte 24: dimension 0 (at byte 42) is 9223372036854775808: more elements than can be "
      "counted");
  EXPECT_REFUSED(one_tensor({uint64_t{1} << 62}), "tensor 'weight' at byte 24: more bytes than can be counted");
  EXPECT_REFUSED(one_tensor({32, uint64_t{1} << 57}), "tensor 'weight' at byte 24: more bytes than can be counted");
}

TEST(BadTensor, UnknownType) {
  EXPECT_REFUSED(one_tensor({32}, 4), "tensor 'weight' at byte 24: tensor type 4 (at byte 50) is not known");
  EXPECT_REFUSED(one_tensor({32}, 0xffffffff),
                 "tensor 'weight' at byte 24: tensor type 4294967295 (at byte 50) is not known");
  EXPECT_EQ(one_tensor({32}, 4).open().error().kind, ErrorKind::unsupported);
}

TEST(BadTensor, RowsThatDoNotDivideIntoBlocks) {
  EXPECT_REFUSED(one_tensor({33}, kQ8_0),
                 "tensor 'weight' at byte 24: rows of 33 elements do not divide into the blocks of 32 elements of type "
                 "Q8_0");
}

TEST(BadTensor, Offset) {
  EXPECT_REFUSED(one_tensor({16}, kF32, 8),
                 "tensor 'weight' at byte 24: its data's offset 8 (at byte 54) is no multiple of the alignment 32");
  EXPECT_REFUSED(
      one_tensor({16}, kF32, kHuge - 31),
      "tensor 'weight' at byte 24: its data of 64 bytes from a byte beyond 2^64 reaches beyond the end of the "
      "file at byte 192: cut off?");
}

TEST(BadTensor, DataCutOff) {
  Builder b = one_tensor();
  b.bytes().pop_back();
  EXPECT_REFUSED(b,
                 "tensor 'weight' at byte 24: its data of 128 bytes from byte 64 reaches beyond the end of the file at "
                 "byte 191: cut off?");
}

TEST(BadTensor, Overlap) {
  EXPECT_REFUSED(
      Builder().header(2, 0).tensor("later", {32}, kF32, 96).tensor("weight", {32}, kF32, 0).pad(32).zeros(256),
      "tensor 'later' at byte 24: its data from byte 224 overlaps that of tensor 'weight'");
  EXPECT_REFUSED(Builder().header(2, 0).tensor("a", {32}, kF32, 0).tensor("b", {32}, kF32, 0).pad(32).zeros(256),
                 "tensor 'b' at byte 57: its data from byte 96 overlaps that of tensor 'a'");
}

// Whatever prefix of a file is left, the answer is an error and no crash.
TEST(BadInput, EveryPrefixIsRefused) {
  Builder whole;
  whole.header(2, 3, 2)
      .key("text", ValueType::string)
      .string("hello")
      .key("list", ValueType::array)
      .array(ValueType::string, 2)
      .string("a")
      .string("bc")
      .key("nested", ValueType::array)
      .array(ValueType::array, 1)
      .array(ValueType::u16, 2)
      .u32(7)
      .tensor("a", {32, 2}, kQ8_0, 0)
      .tensor("b", {3}, kF32, 96)
      .pad(32)
      .zeros(96 + 12);
  ASSERT_TRUE(whole.open().ok()) << whole.open().error().message;
  for (size_t n = 0; n < whole.size(); ++n) {
    const auto opened = File::open({Source{nullptr, std::span(whole.bytes()).first(n), "x.gguf"}});
    EXPECT_FALSE(opened.ok()) << n << " bytes";
  }
}

}  // namespace
}  // namespace quipu::gguf
