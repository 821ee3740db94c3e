#include "chat/lines.h"

#include <gtest/gtest.h>

namespace quipu::chat {
namespace {

TEST(Lines, ShortOnesStay) {
  EXPECT_EQ(wrapped("one\ntwo\n", 40), "one\ntwo\n");
  EXPECT_EQ(wrapped("", 40), "");
  EXPECT_EQ(wrapped("exactly ten", 11), "exactly ten");
}

TEST(Lines, LongOnesBreakAtBlanks) {
  EXPECT_EQ(wrapped("the quick brown fox jumps", 11), "the quick\nbrown fox\njumps");
  EXPECT_EQ(wrapped("a bbbbbbbbbbbbbbbbbbbbbb c", 10), "a\nbbbbbbbbbbbbbbbbbbbbbb\nc");
}

TEST(Lines, WhatFollowsHangsUnderTheSecondColumn) {
  EXPECT_EQ(wrapped("  /set   change a setting", 20), "  /set   change a\n         setting");
}

TEST(Lines, AColumnTooFarRightIsNone) {
  EXPECT_EQ(wrapped("  /a    text here", 14), "  /a    text\n        here");
  EXPECT_EQ(wrapped("  /a    text here", 11), "  /a\n    text\n    here");
}

TEST(Lines, WideCharactersCountTwo) {
  EXPECT_EQ(wrapped("世界 世界", 8), "世界\n世界");
}

TEST(Lines, Shortened) {
  EXPECT_EQ(shortened("abcdef", 6), "abcdef");
  EXPECT_EQ(shortened("abcdefg", 6), "abc...");
  EXPECT_EQ(shortened("世界世界", 6), "世...");
  EXPECT_EQ(shortened("one\ntwo", 40), "one");
}

}  // namespace
}  // namespace quipu::chat
