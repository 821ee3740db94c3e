#include "chat/line_editor/edit_buffer.h"

#include <gtest/gtest.h>

namespace quipu::chat {
namespace {

// The text with the cursor shown as |.
std::string shown(const EditBuffer& buffer) {
  std::string text = buffer.text();
  return text.insert(buffer.cursor(), "|");
}
EditBuffer with(const std::string& shown_text) {
  EditBuffer buffer;
  const size_t cursor = shown_text.find('|');
  buffer.reset(shown_text.substr(0, cursor) + shown_text.substr(cursor + 1));
  buffer.set_cursor(cursor);
  return buffer;
}
template <typename F>
std::string after(const std::string& before, const F& command) {
  EditBuffer buffer = with(before);
  command(buffer);
  return shown(buffer);
}

TEST(EditBuffer, MovesByClusters) {
  // A letter with a combining mark, a family of three joined emoji, a flag, Thai with a vowel above, Hangul.
  const std::string clusters[] = {"e\xcc\x81", "👨‍👩‍👧", "🇩🇪", "นี่", "한"};
  for (const std::string& cluster : clusters) {
    EXPECT_EQ(after("a" + cluster + "|b", [](EditBuffer& b) { b.move_left(); }), "a|" + cluster + "b");
    EXPECT_EQ(after("a|" + cluster + "b", [](EditBuffer& b) { b.move_right(); }), "a" + cluster + "|b");
    EXPECT_EQ(after("a" + cluster + "|b", [](EditBuffer& b) { b.erase_left(); }), "a|b");
    EXPECT_EQ(after("a|" + cluster + "b", [](EditBuffer& b) { b.erase_right(); }), "a|b");
  }
}

TEST(EditBuffer, Words) {
  EXPECT_EQ(after("one two_2, tre|", [](EditBuffer& b) { b.move_word_left(); }), "one two_2, |tre");
  EXPECT_EQ(after("one two_2, |tre", [](EditBuffer& b) { b.move_word_left(); }), "one |two_2, tre");
  EXPECT_EQ(after("one| été, tre", [](EditBuffer& b) { b.move_word_right(); }), "one été|, tre");
  EXPECT_EQ(after("a/b c/d  |", [](EditBuffer& b) { b.kill_word_left(true); }), "a/b |");
  EXPECT_EQ(after("a/b c/d  |", [](EditBuffer& b) { b.kill_word_left(false); }), "a/b c/|");
  EXPECT_EQ(after("a |b c", [](EditBuffer& b) { b.kill_word_right(); }), "a | c");
  EXPECT_EQ(after("|élan vital", [](EditBuffer& b) { b.change_case(EditBuffer::Case::upper); }), "ÉLAN| vital");
  EXPECT_EQ(after("ÉLAN| VITAL", [](EditBuffer& b) { b.change_case(EditBuffer::Case::capital); }), "ÉLAN Vital|");
}

TEST(EditBuffer, Lines) {
  EXPECT_EQ(after("one\ntwo|\nx", [](EditBuffer& b) { b.move_home(); }), "one\n|two\nx");
  EXPECT_EQ(after("one\n|two\nx", [](EditBuffer& b) { b.move_home(); }), "|one\ntwo\nx");
  EXPECT_EQ(after("one\nt|wo\nx", [](EditBuffer& b) { b.move_end(); }), "one\ntwo|\nx");
  EXPECT_EQ(after("one\ntwo|\nx", [](EditBuffer& b) { b.move_end(); }), "one\ntwo\nx|");
  EXPECT_EQ(after("日本\nab|c", [](EditBuffer& b) { EXPECT_TRUE(b.move_up()); }), "日|本\nabc");
  EXPECT_EQ(after("long line|\nab", [](EditBuffer& b) { EXPECT_TRUE(b.move_down()); }), "long line\nab|");
  EXPECT_EQ(after("one|", [](EditBuffer& b) { EXPECT_FALSE(b.move_up() || b.move_down()); }), "one|");
  EXPECT_EQ(after("one|two\nx", [](EditBuffer& b) { b.kill_to_end(); }), "one|\nx");
  EXPECT_EQ(after("one|\nx", [](EditBuffer& b) { b.kill_to_end(); }), "one|x");
  EXPECT_EQ(after("x\none|two", [](EditBuffer& b) { b.kill_to_start(); }), "x\n|two");
}

TEST(EditBuffer, KillsInARowAreOneYank) {
  EditBuffer buffer = with("one two three|");
  buffer.kill_word_left(true);
  buffer.kill_word_left(true);
  EXPECT_EQ(shown(buffer), "one |");
  buffer.end_chain();
  buffer.move_home();
  buffer.yank();
  EXPECT_EQ(shown(buffer), "two three|one ");
  buffer.end_chain();
  buffer.kill_to_end();
  buffer.yank();
  EXPECT_EQ(shown(buffer), "two threeone |");
  buffer.yank_pop();
  EXPECT_EQ(shown(buffer), "two threetwo three|");
  buffer.end_chain();
  buffer.yank_pop();  // not after a yank
  EXPECT_EQ(shown(buffer), "two threetwo three|");
}

TEST(EditBuffer, Transpose) {
  EXPECT_EQ(after("ab|", [](EditBuffer& b) { b.transpose(); }), "ba|");
  EXPECT_EQ(after("a|bc", [](EditBuffer& b) { b.transpose(); }), "ba|c");
  EXPECT_EQ(after("|ab", [](EditBuffer& b) { b.transpose(); }), "|ab");
  EXPECT_EQ(after("é|日x", [](EditBuffer& b) { b.transpose(); }), "日é|x");
}

TEST(EditBuffer, UndoTakesBackWordsAndCommands) {
  EditBuffer buffer;
  for (const char* c : {"a", "b", " ", "c", "d"}) buffer.insert(c);
  buffer.kill_word_left(true);
  EXPECT_EQ(shown(buffer), "ab |");
  buffer.undo();
  EXPECT_EQ(shown(buffer), "ab cd|");
  buffer.undo();
  EXPECT_EQ(shown(buffer), "ab |");
  buffer.undo();
  buffer.undo();
  EXPECT_EQ(shown(buffer), "|");
  buffer.undo();
  EXPECT_EQ(shown(buffer), "|");
}

TEST(EditBuffer, LongLinesStayFast) {
  EditBuffer buffer;
  buffer.reset(std::string(10'000'000, 'x'));
  for (int i = 0; i < 1000; ++i) buffer.move_left();
  buffer.erase_left();
  EXPECT_EQ(buffer.cursor(), 10'000'000U - 1001);
}

}  // namespace
}  // namespace quipu::chat
