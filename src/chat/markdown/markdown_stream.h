// Markdown as a model writes it, token by token, becomes styled text on a terminal.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "chat/highlight/highlighter.h"
#include "chat/markdown/inline_parser.h"
#include "chat/markdown/table.h"
#include "chat/markdown/word_wrap.h"

namespace quipu::chat {

// Headings, lists, quotes, rules, tables, fenced code in the colours of its language, emphasis, code spans, links.
// A line end within a paragraph stays one, as models mean it. Text must be safe (safe_text.h) and come in whole UTF-8
// characters, cut anywhere. Output has "\r\n" line ends and is complete at each call but for what may still change its
// look: a few characters at the start of a line, an open emphasis, a table.
class MarkdownStream {
 public:
  explicit MarkdownStream(size_t columns);
  ~MarkdownStream();
  void resize(size_t columns);
  std::string push(std::string_view text);
  // The end of the message: everything comes out, the line is ended, the style reset.
  std::string finish();

 private:
  enum class Block : uint8_t { undecided, text, code, fence_line, table };
  struct Fence {
    char mark = '`';
    size_t length = 3, indent = 0;
  };

  void take_character(std::string_view character);
  void end_line();
  void decide(bool final);
  bool decide_code_line(bool final);
  void begin_fence(std::string_view line);
  void begin_text(std::string prefix, std::string further, Style base, std::string_view rest);
  void begin_item(size_t indent, size_t mark_size);
  void flush_table();
  void text(std::string_view content);
  void code(std::string_view content);

  size_t columns_;
  WordWrap wrap_;
  InlineParser inline_;
  Block block_ = Block::undecided;
  std::string line_start_;  // what was seen of a line that is not decided yet
  std::optional<Fence> fence_;
  std::unique_ptr<Highlighter> highlighter_;
  Table table_;
  bool table_note_ = false;
};

}  // namespace quipu::chat
