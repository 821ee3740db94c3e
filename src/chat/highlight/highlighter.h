// Colours source code as it streams.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "chat/highlight/languages.h"
#include "chat/markdown/style.h"

namespace quipu::chat {

// Text goes in in pieces of any size and comes out in pieces of one style, in order and complete, as soon as their
// style is sure: at the latest at the end of the line. What is longer than a word never waits.
class Highlighter {
 public:
  using Sink = std::function<void(std::string_view text, const Style& style)>;

  // Without a language everything comes out plain.
  explicit Highlighter(const Language* language) : language_(language) {}
  // Text without line ends.
  void push(std::string_view text, const Sink& sink);
  void end_line(const Sink& sink);

 private:
  enum class State : uint8_t { normal, line_comment, block_comment, string, tag, whole_line };

  size_t step(bool final, const Sink& sink);
  size_t normal(bool final, const Sink& sink);
  size_t within(std::string_view close, const Style& style, bool escapes, bool final, const Sink& sink);
  size_t word(bool final, const Sink& sink);
  size_t number(bool final, const Sink& sink);
  size_t begin_line_kind(const Sink& sink);
  [[nodiscard]] bool is_word(char c) const;
  [[nodiscard]] Style style_of_word(std::string_view word, char after) const;
  [[nodiscard]] bool begins(std::string_view mark) const;
  [[nodiscard]] bool may_begin(std::string_view mark) const;

  const Language* language_;
  State state_ = State::normal;
  const StringRule* string_ = nullptr;
  std::string pending_;
  size_t at_ = 0;  // of pending_: what is before was handed out
  bool line_start_ = true;
  char before_ = '\n';
  Style line_style_;
};

}  // namespace quipu::chat
