#include "text/unicode.h"

#include <gtest/gtest.h>

#include "tests/text/references.h"
#include "text/display.h"

namespace quipu::text {
namespace {

TEST(Unicode, ClassesOfEveryCodePointEqualOnigurumas) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  const std::string classes = reference_bytes("classes.bin");
  ASSERT_EQ(classes.size(), 0x110000u);
  for (char32_t c = 0; c < 0x110000; ++c) {
    const Properties p(c);
    const int bits = p.is_letter() | p.is_mark() << 1 | p.is_number() << 2 | p.is_punctuation() << 3 |
                     p.is_symbol() << 4 | p.is_separator() << 5 | p.is_white_space() << 6 | is_han(c) << 7;
    ASSERT_EQ(bits, static_cast<unsigned char>(classes[c])) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(Unicode, NumbersAboveTheLastCodePointAreUnassigned) {
  EXPECT_EQ(Properties(0x110000).category(), Category::Cn);
  EXPECT_EQ(Properties(0xFFFFFFFF).category(), Category::Cn);
  EXPECT_FALSE(is_han(0xFFFFFFFF));
}

TEST(Unicode, CaseMappingEqualsPythons) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  size_t n = 0;
  for (const auto& item : reference_texts("case")) {
    ASSERT_EQ(to_lower(item[0].get<std::string>()), item[1].get<std::string>()) << item[0];
    ASSERT_EQ(to_upper(item[0].get<std::string>()), item[2].get<std::string>()) << item[0];
    ++n;
  }
  EXPECT_GT(n, 10000u);
}

TEST(Unicode, CaseMappingKeepsIllFormedBytes) {
  EXPECT_EQ(to_upper("a\xFF\xE2z"), "A\xFF\xE2Z");
  EXPECT_EQ(to_lower("A\xFF\xE2Z"), "a\xFF\xE2z");
}

TEST(Unicode, WidthOfEveryAssignedCharacterEqualsWcwidths) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  const std::string widths = reference_bytes("width.bin");
  ASSERT_EQ(widths.size(), 0x110000u);
  for (char32_t c = 0; c < 0x110000; ++c) {
    const Category category = Properties(c).category();
    if (category == Category::Cn || category == Category::Cs) continue;
    ASSERT_EQ(Properties(c).width(), widths[c]) << std::hex << static_cast<uint32_t>(c);
  }
}

TEST(Unicode, WidthOfTextsEqualsWcwidths) {
  QUIPU_NEEDS_TEXT_REFERENCES();
  for (const auto& item : reference_texts("width")) {
    ASSERT_EQ(display_width(item[0].get<std::string>()), item[1].get<size_t>()) << item[0];
  }
}

TEST(Display, AClusterIsWhatTheTerminalDrawsAsOne) {
  const auto sizes = [](std::string_view text) {
    std::vector<size_t> result;
    for (size_t i = 0; i < text.size(); i += result.back()) result.push_back(cluster_size(text, i));
    return result;
  };
  using Sizes = std::vector<size_t>;
  EXPECT_EQ(sizes("ab"), (Sizes{1, 1}));
  EXPECT_EQ(sizes("e\u0301x"), (Sizes{3, 1}));
  EXPECT_EQ(sizes("👨‍👩‍👧!"), (Sizes{18, 1}));
  EXPECT_EQ(sizes("👍🏽👍"), (Sizes{8, 4}));
  EXPECT_EQ(sizes("🇩🇪🇫🇷"), (Sizes{8, 8}));
  EXPECT_EQ(sizes("\n\u0301"), (Sizes{1, 2}));
  EXPECT_EQ(sizes("\xE2\x82 \xFF"), (Sizes{2, 1, 1}));
}

TEST(Display, ControlAndIllFormedBytes) {
  EXPECT_EQ(display_width("a\tb\n"), 2u);
  EXPECT_EQ(display_width("\xFF\xFE"), 2u);
  EXPECT_EQ(display_width(""), 0u);
}

}  // namespace
}  // namespace quipu::text
