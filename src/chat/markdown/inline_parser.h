// Emphasis, code spans and links within a line of Markdown.
#pragma once

#include <functional>
#include <string>
#include <string_view>

#include "chat/markdown/style.h"

namespace quipu::chat {

// Hands out text as soon as its style is sure: what follows an opening mark waits for the closing one, for the end of
// the line, or until it is too long to be emphasis; marks that open nothing stay as they are.
class InlineParser {
 public:
  using Sink = std::function<void(std::string_view text, const Style& style)>;

  explicit InlineParser(Sink sink) : sink_(std::move(sink)) {}
  // The style that everything on the line has (a heading's, a quote's).
  void set_base(const Style& base) { base_ = base; }
  void push(std::string_view text);
  // The end of the line: nothing waits any longer.
  void finish();

 private:
  void run(bool final);
  Sink sink_;
  Style base_;
  std::string pending_;
  char before_ = '\n';  // the last character that was handed out
};

// The same for a text that is complete.
void parse_inline(std::string_view text, const Style& base, const InlineParser::Sink& sink);

}  // namespace quipu::chat
