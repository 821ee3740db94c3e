#include "chat/line_editor/editor_view.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quipu::chat {
namespace {

using testing::ElementsAre;

ViewContent content(std::string_view text, size_t cursor) {
  return {.prompt = ">>> ", .continuation = "... ", .text = text, .cursor = cursor, .hint = "", .below = {}};
}

TEST(Layout, WrapsAtTheWidth) {
  const Layout layout = layout_of(content("abcdefghij", 10), 8);
  EXPECT_THAT(layout.rows, ElementsAre(">>> abcd", "efghij"));
  EXPECT_EQ(layout.cursor_row, 1U);
  EXPECT_EQ(layout.cursor_column, 6U);
}

TEST(Layout, ACursorBehindAFullRowBeginsTheNext) {
  const Layout layout = layout_of(content("abcd", 4), 8);
  EXPECT_THAT(layout.rows, ElementsAre(">>> abcd", ""));
  EXPECT_EQ(layout.cursor_row, 1U);
  EXPECT_EQ(layout.cursor_column, 0U);
}

TEST(Layout, WideCharactersAreNotCut) {
  const Layout layout = layout_of(content("abc日本", 3), 8);
  EXPECT_THAT(layout.rows, ElementsAre(">>> abc", "日本"));
  EXPECT_EQ(layout.cursor_row, 1U);  // where 日 is
  EXPECT_EQ(layout.cursor_column, 0U);
}

TEST(Layout, LinesAndTabs) {
  const Layout layout = layout_of(content("a\n\tb\n", 5), 20);
  EXPECT_THAT(layout.rows, ElementsAre(">>> a", "...     b", "... "));
  EXPECT_EQ(layout.cursor_row, 2U);
  EXPECT_EQ(layout.cursor_column, 4U);
}

TEST(Layout, ColoursTakeNoRoom) {
  ViewContent colored = content("abcd", 2);
  colored.prompt = "\x1b[32m>>> \x1b[0m";
  EXPECT_EQ(layout_of(colored, 8).rows.size(), 1U);
  EXPECT_EQ(layout_of(colored, 8).cursor_column, 6U);
}

TEST(EditorView, RepaintsOnlyWhatChanged) {
  EditorView view;
  view.resize(8, 24);
  EXPECT_EQ(view.paint(content("abcdef", 6)), "\r\r\x1b[K>>> abcd\r\n\r\x1b[Kef\r\x1b[2C");
  // The second row alone.
  EXPECT_EQ(view.paint(content("abcdefg", 7)), "\x1b[1A\r\r\n\r\x1b[Kefg\r\x1b[3C");
  // A row less: what was below is erased.
  EXPECT_EQ(view.paint(content("abc", 3)), "\x1b[1A\r\r\x1b[K>>> abc\r\n\r\x1b[J\x1b[1A\r\x1b[7C");
}

TEST(EditorView, ATallTextIsScrolled) {
  EditorView view;
  view.resize(20, 3);
  const std::string text = "1\n2\n3\n4\n5\n6";
  EXPECT_THAT(view.paint(content(text, text.size())),
              testing::AllOf(testing::HasSubstr("... 6"), testing::Not(testing::HasSubstr("... 3"))));
  EXPECT_THAT(view.paint(content(text, 0)),
              testing::AllOf(testing::HasSubstr(">>> 1"), testing::Not(testing::HasSubstr("... 6"))));
}

}  // namespace
}  // namespace quipu::chat
