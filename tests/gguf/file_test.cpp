// Values and tensors of files that are right.
#include "gguf/gguf.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "tests/gguf/builder.h"

namespace quipu::gguf {
namespace {

using test::Builder;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

File opened(const Builder& builder) {
  auto file = builder.open();
  EXPECT_TRUE(file.ok()) << file.error().message;
  return std::move(*file);
}

Builder every_type() {
  Builder b;
  b.header(0, 14);
  b.key("u8", ValueType::u8).number<uint8_t>(200);
  b.key("i8", ValueType::i8).number<int8_t>(-100);
  b.key("u16", ValueType::u16).number<uint16_t>(60000);
  b.key("i16", ValueType::i16).number<int16_t>(-30000);
  b.key("u32", ValueType::u32).number<uint32_t>(4000000000);
  b.key("i32", ValueType::i32).number<int32_t>(-2000000000);
  b.key("f32", ValueType::f32).number<float>(0.1f);
  b.key("bool", ValueType::boolean).number<uint8_t>(1);
  b.key("string", ValueType::string).string("it's \xc3\xa9\n");
  b.key("array", ValueType::array).array(ValueType::i16, 3).number<int16_t>(1).number<int16_t>(-2).number<int16_t>(3);
  b.key("u64", ValueType::u64).number<uint64_t>(~uint64_t{0});
  b.key("i64", ValueType::i64).number<int64_t>(std::numeric_limits<int64_t>::min());
  b.key("f64", ValueType::f64).number<double>(1e300);
  b.key("strings", ValueType::array).array(ValueType::string, 2).string("a").string("");
  return b;
}

TEST(Values, OfEveryTypeAreRead) {
  const Builder b = every_type();
  const File file = opened(b);
  EXPECT_EQ(*file.get<uint32_t>("u8"), 200u);
  EXPECT_EQ(*file.get<int32_t>("i8"), -100);
  EXPECT_EQ(*file.get<uint64_t>("u16"), 60000u);
  EXPECT_EQ(*file.get<int64_t>("i16"), -30000);
  EXPECT_EQ(*file.get<uint32_t>("u32"), 4000000000u);
  EXPECT_EQ(*file.get<int32_t>("i32"), -2000000000);
  EXPECT_EQ(*file.get<float>("f32"), 0.1f);
  EXPECT_EQ(*file.get<bool>("bool"), true);
  EXPECT_EQ(*file.get<std::string_view>("string"), "it's \xc3\xa9\n");
  EXPECT_EQ(*file.get<uint64_t>("u64"), ~uint64_t{0});
  EXPECT_EQ(*file.get<int64_t>("i64"), std::numeric_limits<int64_t>::min());
  EXPECT_EQ(*file.get<double>("f64"), 1e300);
  EXPECT_THAT(**file.get_array<int32_t>("array"), ElementsAre(1, -2, 3));
  EXPECT_THAT(**file.get_array<double>("array"), ElementsAre(1, -2, 3));
  EXPECT_THAT(**file.get_array<std::string_view>("strings"), ElementsAre("a", ""));
  EXPECT_EQ(file.keys().size(), 14u);
  EXPECT_EQ(file.keys()[4], "u32");
  EXPECT_EQ(file.find_value("array")->count, 3u);
  EXPECT_EQ(file.find_value("none"), nullptr);
}

TEST(Values, MissingKeysAreNothingOrAnError) {
  const Builder b = every_type();
  const File file = opened(b);
  EXPECT_FALSE(file.get<uint32_t>("none")->has_value());
  EXPECT_FALSE(file.get_array<uint32_t>("none")->has_value());
  EXPECT_EQ(file.require<uint32_t>("none").error().message, "x.gguf: key 'none' is missing");
  EXPECT_EQ(file.describe("none", 10), "");
}

TEST(Values, ThatDoNotFitAreErrors) {
  const Builder b = every_type();
  const File file = opened(b);
  EXPECT_EQ(file.get<int32_t>("u32").error().message,
            "x.gguf: key 'u32' at byte 88 is 4000000000 of type u32, not an integer from -2^31 to 2^31-1");
  EXPECT_EQ(file.get<uint32_t>("i8").error().message,
            "x.gguf: key 'i8' at byte 39 is -100 of type i8, not an integer from 0 to 2^32-1");
  EXPECT_THAT(file.get<int64_t>("u64").error().message, HasSubstr("not an integer below 2^63"));
  EXPECT_THAT(file.get<uint64_t>("i64").error().message, HasSubstr("not an integer from 0"));
  EXPECT_THAT(file.get<float>("f64").error().message, HasSubstr("is 1e+300 of type f64, not a number"));
  EXPECT_THAT(file.get<uint32_t>("f32").error().message, HasSubstr("is 0.1 of type f32"));
  EXPECT_THAT(file.get<uint32_t>("bool").error().message, HasSubstr("is true of type bool"));
  EXPECT_THAT(file.get<bool>("u8").error().message, HasSubstr("not a boolean"));
  EXPECT_THAT(file.get<uint32_t>("string").error().message, HasSubstr("is 'it\\x27s \xc3\xa9\\x0a' of type string"));
  EXPECT_THAT(file.get<std::string_view>("u8").error().message, HasSubstr("not a string"));
  EXPECT_THAT(file.get<uint32_t>("array").error().message, HasSubstr("is i16[3] [1, -2, 3] of type array"));
  EXPECT_THAT(file.get_array<uint32_t>("array").error().message,
              HasSubstr("element 1 is not an integer from 0 to 2^32-1"));
  EXPECT_THAT(file.get_array<uint32_t>("u8").error().message,
              HasSubstr("is of type u8, not an array of which each is an integer"));
  EXPECT_THAT(file.get_array<uint32_t>("strings").error().message, HasSubstr("is of type array of string"));
  EXPECT_THAT(file.get_array<std::string_view>("array").error().message, HasSubstr("of which each is a string"));
}

TEST(Values, FloatsKeepInfinityAndNan) {
  Builder b;
  b.header(0, 2).key("inf", ValueType::f64).number(std::numeric_limits<double>::infinity());
  b.key("nan", ValueType::f32).number(std::nanf(""));
  const File file = opened(b);
  EXPECT_TRUE(std::isinf(**file.get<float>("inf")));
  EXPECT_TRUE(std::isnan(**file.get<double>("nan")));
}

TEST(Values, NumbersOfBooleanArraysMustBe0Or1) {
  Builder b;
  b.header(0, 2).key("good", ValueType::array).array(ValueType::boolean, 2).number<uint8_t>(1).number<uint8_t>(0);
  b.key("bad", ValueType::array).array(ValueType::boolean, 2).number<uint8_t>(1).number<uint8_t>(7);
  const File file = opened(b);
  EXPECT_THAT(**file.get_array<bool>("good"), ElementsAre(true, false));
  EXPECT_THAT(file.get_array<bool>("bad").error().message, HasSubstr("element 1 is not a boolean"));
  EXPECT_EQ(file.describe("bad", 100), "bool[2] [true, ?]");
}

TEST(Values, NestedArraysAreKeptButNotFlattened) {
  Builder b;
  b.header(0, 1).key("k", ValueType::array).array(ValueType::array, 2);
  b.array(ValueType::u8, 2).number<uint8_t>(1).number<uint8_t>(2);
  b.array(ValueType::string, 1).string("x");
  const File file = opened(b);
  EXPECT_EQ(file.describe("k", 100), "array[2] [u8[2] [1, 2], string[1] ['x']]");
  EXPECT_THAT(file.get_array<uint32_t>("k").error().message, HasSubstr("array of array"));
}

TEST(Values, AreDescribedForPeople) {
  const Builder b = every_type();
  const File file = opened(b);
  EXPECT_EQ(file.describe("string", 100), "'it\\x27s \xc3\xa9\\x0a'");
  EXPECT_EQ(file.describe("string", 2), "'it...'");
  EXPECT_EQ(file.describe("array", 9), "i16[3] [1, ...]");
  EXPECT_EQ(file.describe("u64", 9), "18446744073709551615");
  EXPECT_EQ(file.describe("bool", 9), "true");
}

TEST(Values, TextThatCouldHarmATerminalIsShownAsBytes) {
  // Escape, C1 control (U+009B), right-to-left override, cut UTF-8, a surrogate, an overlong '/', beyond U+10FFFF.
  const std::vector<std::pair<std::string, std::string>> texts = {
      {"\x1b[2J", "'\\x1b[2J'"},
      {"\xc2\x9b", "'\\xc2\\x9b'"},
      {"\xe2\x80\xae", "'\\xe2\\x80\\xae'"},
      {"\xe2\x82", "'\\xe2\\x82'"},
      {"\xed\xa0\x80", "'\\xed\\xa0\\x80'"},
      {"\xc0\xaf", "'\\xc0\\xaf'"},
      {"\xf4\x90\x80\x80", "'\\xf4\\x90\\x80\\x80'"},
      {"\x7f", "'\\x7f'"},
      {"\xe2\x82\xac \xf0\x9f\x98\x80", "'\xe2\x82\xac \xf0\x9f\x98\x80'"}};
  for (const auto& [text, shown] : texts) {
    Builder b;
    b.header(0, 1).key("k", ValueType::string).string(text);
    EXPECT_EQ(opened(b).describe("k", 100), shown);
  }
}

TEST(Tensors, HaveDimensionsTypeAndData) {
  Builder b;
  b.header(2, 0, 2).tensor("second", {2, 1, 3}, 1, 64).tensor("first", {32}, 8, 0).pad(32);
  const size_t data = b.size();
  for (int i = 0; i < 76; ++i) b.number(static_cast<uint8_t>(i));
  const File file = opened(b);
  EXPECT_EQ(file.version(), 2u);
  ASSERT_EQ(file.tensors().size(), 2u);
  const Tensor* second = file.find_tensor("second");
  ASSERT_EQ(second, &file.tensors()[0]);
  EXPECT_EQ(second->n_dims, 3u);
  EXPECT_THAT(second->dims, ElementsAre(2, 1, 3, 1));
  EXPECT_EQ(second->n_elements(), 6u);
  EXPECT_EQ(second->type, quant::TensorType::F16);
  EXPECT_EQ(second->data.size(), 12u);
  EXPECT_EQ(second->data.data(), b.bytes().data() + data + 64);
  const Tensor* first = file.find_tensor("first");
  EXPECT_EQ(first->data.size(), 34u);
  EXPECT_EQ(first->data.data(), b.bytes().data() + data);
  EXPECT_EQ(file.find_tensor("third"), nullptr);
  EXPECT_EQ(file.total_bytes(), b.size());
}

TEST(Tensors, AnyPowerOfTwoIsAnAlignment) {
  for (uint32_t alignment = 1; alignment <= 1u << 20; alignment *= 2) {
    Builder b;
    b.header(1, 1).key("general.alignment", ValueType::u32).u32(alignment).tensor("odd", {3}, 24, 0).pad(alignment);
    const size_t data = b.size();
    b.zeros(3);
    const File file = opened(b);
    EXPECT_EQ(file.find_tensor("odd")->data.data(), b.bytes().data() + data) << alignment;
  }
}

TEST(Tensors, AFileWithoutThemMayEndRightAfterItsKeys) {
  Builder b;
  b.header(0, 1).key("k", ValueType::u8).number<uint8_t>(1);
  EXPECT_TRUE(opened(b).tensors().empty());
}

TEST(RealFile, SmolLm2) {
  const auto file = File::open(std::string(QUIPU_MODELS_DIR) + "/SmolLM2-135M-Instruct.Q4_1.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(*file->require<std::string_view>("general.architecture"), "llama");
  EXPECT_EQ(*file->require<uint32_t>("llama.embedding_length"), 576u);
  EXPECT_EQ((*file->get_array<std::string_view>("tokenizer.ggml.tokens"))->size(), 49152u);
  const Tensor* embedding = file->find_tensor("token_embd.weight");
  ASSERT_NE(embedding, nullptr);
  EXPECT_THAT(embedding->dims, ElementsAre(576, 49152, 1, 1));
  EXPECT_EQ(embedding->type, quant::TensorType::Q8_0);
}

}  // namespace
}  // namespace quipu::gguf
