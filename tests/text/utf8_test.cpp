#include "text/utf8.h"

#include <gtest/gtest.h>

#include "tests/text/references.h"

namespace quipu::text {
namespace {

std::string from_hex(const std::string& hex) {
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2) bytes += static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16));
  return bytes;
}

TEST(Utf8, EveryCodePointSurvivesEncodingAndDecoding) {
  for (char32_t c = 0; c <= 0x10FFFF; ++c) {
    std::string bytes;
    append_utf8(bytes, c);
    const Decoded decoded = decode_at(bytes, 0);
    const bool surrogate = c >= 0xD800 && c < 0xE000;
    ASSERT_TRUE(decoded.valid);
    ASSERT_EQ(decoded.size, bytes.size());
    ASSERT_EQ(decoded.code_point, surrogate ? kReplacement : c);
  }
}

TEST(Utf8, EveryTwoByteSequenceIsJudgedAsByTable37) {
  for (int a = 0; a < 256; ++a) {
    for (int b = 0; b < 256; ++b) {
      const std::string bytes = {static_cast<char>(a), static_cast<char>(b)};
      const bool ascii = a < 0x80 && b < 0x80;
      const bool two = a >= 0xC2 && a <= 0xDF && b >= 0x80 && b <= 0xBF;
      ASSERT_EQ(is_valid_utf8(bytes), ascii || two) << a << ' ' << b;
    }
  }
}

TEST(Utf8, SurrogatesOverlongFormsAndNumbersAboveTheLastAreInvalid) {
  for (const char* bytes : {"\xED\xA0\x80", "\xED\xBF\xBF", "\xC0\xAF", "\xE0\x9F\xBF", "\xF0\x8F\xBF\xBF",
                            "\xF4\x90\x80\x80", "\xF8\x88\x80\x80\x80", "\xFE", "\xFF"}) {
    EXPECT_EQ(first_invalid(std::string("abcdefgh€") + bytes), 11u) << bytes;
  }
}

TEST(Utf8, ReplacementEqualsPythons) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  for (const auto& item : reference_texts("utf8")) {
    const std::string bytes = from_hex(item[0].get<std::string>());
    ASSERT_EQ(replace_invalid(bytes), item[1].get<std::string>()) << item[0];
    ASSERT_EQ(is_valid_utf8(bytes), bytes == item[1].get<std::string>()) << item[0];
  }
}

TEST(Utf8, ValidatorAgreesForEverySplit) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  for (const auto& item : reference_texts("utf8")) {
    const std::string bytes = from_hex(item[0].get<std::string>());
    for (size_t step = 1; step <= 5; ++step) {
      Utf8Validator validator;
      for (size_t i = 0; i < bytes.size(); i += step) validator.push(std::string_view(bytes).substr(i, step));
      ASSERT_EQ(validator.complete(), is_valid_utf8(bytes)) << item[0] << " in steps of " << step;
    }
  }
}

TEST(Utf8, ValidatorFailsAtTheFirstIllFormedByte) {
  Utf8Validator validator;
  EXPECT_TRUE(validator.push("a\xE2"));
  EXPECT_TRUE(validator.push("\x82"));
  EXPECT_FALSE(validator.complete());
  EXPECT_FALSE(validator.push("b"));
  EXPECT_FALSE(validator.push("\xAC"));
  EXPECT_FALSE(validator.complete());
}

TEST(Utf8, IncompleteSuffixIsWhatFurtherBytesCouldComplete) {
  EXPECT_EQ(incomplete_suffix_size(""), 0u);
  EXPECT_EQ(incomplete_suffix_size("a"), 0u);
  EXPECT_EQ(incomplete_suffix_size("a\xE2"), 1u);
  EXPECT_EQ(incomplete_suffix_size("a\xE2\x82"), 2u);
  EXPECT_EQ(incomplete_suffix_size("a\xE2\x82\xAC"), 0u);
  EXPECT_EQ(incomplete_suffix_size("\xF0\x9F\x98"), 3u);
  EXPECT_EQ(incomplete_suffix_size("\xED\xA0"), 0u);  // a surrogate's beginning: nothing completes it
  EXPECT_EQ(incomplete_suffix_size("\x80\x80"), 0u);
  EXPECT_EQ(incomplete_suffix_size("\xC1"), 0u);
}

}  // namespace
}  // namespace quipu::text
