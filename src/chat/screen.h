// What the chat shows: answers, notices, progress. On a terminal with Markdown and colours, else as plain text.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "chat/markdown/markdown_stream.h"
#include "chat/safe_text.h"

namespace quipu::chat {

struct ScreenOptions {
  bool terminal = false;  // standard output is one that understands control sequences
  bool styled = false;    // Markdown is drawn, with colours
  bool ascii = false;
};

class Screen {
 public:
  explicit Screen(ScreenOptions options) : options_(options) {}

  // A line of its own, wrapped at the width: said by the program, not by the model. Notices are grey; errors red. Where
  // standard output is no terminal they go to standard error. In the middle of an answer they wait for its end.
  void notice(std::string_view text);
  void title(std::string_view text);
  void error(std::string_view text);
  // Text as it is (help, dumps), safe.
  void print(std::string_view text);

  // A line cut at the width, where there is one.
  [[nodiscard]] std::string fitting(std::string_view line) const;

  // The answer, in pieces of whole characters.
  void stream(std::string_view text);
  // Ends it: everything is shown and a new line begun. `text` must not be added afterwards.
  void end_answer();

  // A line that is overwritten by whatever comes next; only on a terminal.
  void progress(std::string_view text);
  void clear_progress();

  // False once output failed or its reader went away.
  [[nodiscard]] bool alive() const { return alive_; }
  [[nodiscard]] const ScreenOptions& options() const { return options_; }

 private:
  void write(std::string_view bytes);
  void remark(std::string_view text, std::string_view color);

  ScreenOptions options_;
  std::optional<SafeText> safe_;
  std::unique_ptr<MarkdownStream> markdown_;
  bool begun_ = false;  // something of the answer was drawn
  struct Remark {
    std::string text;
    std::string_view color;
  };
  std::vector<Remark> waiting_;
  bool line_open_ = false, progress_shown_ = false;
  std::atomic<bool> alive_ = true;  // asked for while a Spinner draws
};

}  // namespace quipu::chat
