#include "chat/line_editor/key_reader.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quipu::chat {
namespace {

using testing::ElementsAre;

// All key presses of bytes that arrive in pieces of `piece` bytes, then nothing more.
std::vector<std::pair<Key, std::string>> keys(std::string_view bytes, size_t piece = 1000) {
  KeyReader reader;
  std::vector<std::pair<Key, std::string>> result;
  const auto drain = [&](bool no_more) {
    while (const auto key = reader.next(no_more)) result.emplace_back(key->key, key->text);
  };
  for (size_t at = 0; at < bytes.size(); at += piece) {
    reader.push(bytes.substr(at, piece));
    drain(false);
  }
  drain(true);
  return result;
}
std::vector<Key> names(std::string_view bytes, size_t piece = 1000) {
  std::vector<Key> result;
  for (const auto& [key, text] : keys(bytes, piece)) result.push_back(key);
  return result;
}

TEST(KeyReader, SequencesOfTerminals) {
  for (const size_t piece : {1U, 2U, 1000U}) {
    EXPECT_THAT(names("\x1b[A\x1bOB\x1b[C\x1b[1;5D\x1b[H\x1bOF\x1b[3~\x1b[1~\x1b[4~", piece),
                ElementsAre(Key::up, Key::down, Key::right, Key::word_left, Key::home, Key::end, Key::delete_forward,
                            Key::home, Key::end));
    EXPECT_THAT(names("\x1b[1;3C\x1b[13;2u\x1b[27;5;13~\x1b[Z\x1b[15~", piece),
                ElementsAre(Key::word_right, Key::newline, Key::newline, Key::backtab, Key::ignored));
  }
}

TEST(KeyReader, ControlAndAlt) {
  EXPECT_THAT(names("\x01\x05\x0b\x15\x17\x19\x1bY\x1b\x7f\x12"),
              ElementsAre(Key::home, Key::end, Key::kill_to_end, Key::kill_to_start, Key::kill_word_left, Key::yank,
                          Key::yank_pop, Key::kill_word_left_short, Key::search_back));
  EXPECT_THAT(names("\r\n\x1b\r"), ElementsAre(Key::enter, Key::newline, Key::newline));
  EXPECT_THAT(names("\x18\x05"), ElementsAre(Key::ignored, Key::edit_externally));
}

TEST(KeyReader, ALoneEscapeNeedsSilence) {
  KeyReader reader;
  reader.push("\x1b");
  EXPECT_FALSE(reader.next(false));
  EXPECT_EQ(reader.patience_ms(), 50);
  EXPECT_EQ(reader.next(true)->key, Key::escape);
  EXPECT_EQ(reader.patience_ms(), -1);
  EXPECT_THAT(names("\x1b\x1b[A"), ElementsAre(Key::escape, Key::up));
}

TEST(KeyReader, CharactersCutBetweenReads) {
  EXPECT_THAT(keys("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80", 1),
              ElementsAre(std::pair(Key::text, "a"), std::pair(Key::text, "é"), std::pair(Key::text, "€"),
                          std::pair(Key::text, "😀")));
  EXPECT_THAT(keys("\xff\xc3"),
              ElementsAre(std::pair(Key::text, "\xEF\xBF\xBD"), std::pair(Key::text, "\xEF\xBF\xBD")));
}

TEST(KeyReader, Paste) {
  for (const size_t piece : {1U, 3U, 1000U}) {
    EXPECT_THAT(keys("x\x1b[200~one\rtwo\r\nthree\n\tfour\x1b[31m\x03\x1b[201~\r", piece),
                ElementsAre(std::pair(Key::text, "x"), std::pair(Key::paste, "one\ntwo\nthree\n\tfour[31m"),
                            std::pair(Key::enter, "")));
  }
  // Without its end.
  EXPECT_THAT(keys("\x1b[200~abc"), ElementsAre(std::pair(Key::paste, "abc")));
}

TEST(KeyReader, TenMegabytesPasted) {
  const std::string large(10'000'000, 'x');
  const auto result = keys("\x1b[200~" + large + "\x1b[201~", 4096);
  ASSERT_EQ(result.size(), 1U);
  EXPECT_TRUE(result[0].second == large);
}

TEST(KeyReader, GarbageEndsSomewhere) {
  EXPECT_FALSE(names("\x1b[" + std::string(100, '1') + "A").empty());
  EXPECT_THAT(names("\x1b[\x1b[A"), ElementsAre(Key::ignored, Key::up));
  EXPECT_THAT(keys("\x1b[12;40R"), ElementsAre(std::pair(Key::cursor_report, "12;40")));
}

TEST(CleanedPaste, ControlCharactersOfISO8859) {
  EXPECT_EQ(cleaned_paste("a\u009b[31mb\u00a0z"), "a[31mb\u00a0z");
}

}  // namespace
}  // namespace quipu::chat
