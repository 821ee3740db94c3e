#include "chat/safe_text.h"

#include <gtest/gtest.h>

namespace quipu::chat {
namespace {

TEST(SafeText, ControlSequencesBecomeText) {
  EXPECT_EQ(safe_text("a\x1b[31mred\x1b]0;title\x07z"), "a␛[31mred␛]0;title␇z");
  EXPECT_EQ(safe_text("a\x1b[31m\x7f", true), "a^[[31m^?");
  EXPECT_EQ(safe_text("\xc2\x9b"
                      "31m"),
            "\xEF\xBF\xBD"
            "31m");  // CSI of ISO 8859
  EXPECT_EQ(safe_text(std::string("a\0b", 3)), "a␀b");
}

TEST(SafeText, WhatIsHarmlessStays) {
  const std::string text = "line\n\tπ 日本 e\xcc\x81 👨‍👩‍👧 عربي นี่";
  EXPECT_EQ(safe_text(text), text);
}

TEST(SafeText, LineEndsOfEveryKind) {
  EXPECT_EQ(safe_text("a\r\nb\rc\r"), "a\nb␍c␍");
  SafeText pieces;
  EXPECT_EQ(pieces.push("a\r"), "a");
  EXPECT_EQ(pieces.push("\nb"), "\nb");
}

TEST(SafeText, TextIsNotReordered) {
  EXPECT_EQ(safe_text("a\u202eb"), "a\ufffdb");
}

}  // namespace
}  // namespace quipu::chat
