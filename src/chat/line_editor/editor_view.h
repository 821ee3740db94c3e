// Draws the text being typed: wrapped at the terminal's width, with as little output as serves.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace quipu::chat {

struct ViewContent {
  std::string prompt;        // may hold colours (CSI ... m), takes one line
  std::string continuation;  // before every further line of the text
  std::string_view text;
  size_t cursor = 0;
  std::string hint;                // after the text, in grey; drawn only if the cursor is at the end
  std::vector<std::string> below;  // lines under the text, cut at the width
};

// The text cut into rows of a terminal.
struct Layout {
  std::vector<std::string> rows;
  size_t cursor_row = 0, cursor_column = 0;
};
Layout layout_of(const ViewContent& content, size_t columns);

class EditorView {
 public:
  void resize(int columns, int rows);
  // The output that makes the screen show the content. The first paint begins at the cursor's place in column 0.
  std::string paint(const ViewContent& content);
  // The output that leaves the painted rows and begins a line below them.
  std::string leave();
  // The painted rows are no longer on the screen (it was cleared).
  void forget();

 private:
  size_t columns_ = 80, rows_ = 24;
  std::vector<std::string> shown_;
  size_t cursor_row_ = 0;  // within shown_
  size_t top_ = 0;         // the first row of the layout that is shown
};

}  // namespace quipu::chat
