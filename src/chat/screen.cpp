#include "chat/screen.h"

#include <fmt/format.h>

#include <algorithm>

#include "chat/lines.h"
#include "platform/terminal.h"
#include "text/display.h"

namespace quipu::chat {

void Screen::write(std::string_view bytes) {
  if (!alive_ || bytes.empty()) return;
  alive_ = platform::write_stream(platform::Stream::standard_output, bytes) == platform::Written::all;
}

void Screen::remark(std::string_view text, std::string_view color) {
  clear_progress();
  std::string safe = safe_text(text, options_.ascii);
  if (!options_.terminal) {
    platform::write_stream(platform::Stream::standard_error, safe + "\n");
    return;
  }
  if (safe_) return waiting_.push_back({std::move(safe), color});
  safe = wrapped(safe, static_cast<size_t>(platform::terminal_size().columns));
  if (std::exchange(line_open_, false)) write("\n");
  write(options_.styled ? fmt::format("\x1b[{}m{}\x1b[0m\n", color, safe) : safe + "\n");
}

void Screen::notice(std::string_view text) {
  remark(text, "90");
}

void Screen::title(std::string_view text) {
  remark(text, "1");
}

void Screen::error(std::string_view text) {
  remark(text, "31");
}

void Screen::print(std::string_view text) {
  clear_progress();
  if (std::exchange(line_open_, false)) write("\n");
  std::string safe = safe_text(text, options_.ascii);
  if (options_.terminal) safe = wrapped(safe, static_cast<size_t>(platform::terminal_size().columns));
  write(safe);
  if (!safe.empty() && safe.back() != '\n') write("\n");
}

std::string Screen::fitting(std::string_view line) const {
  return options_.terminal ? shortened(line, static_cast<size_t>(platform::terminal_size().columns))
                           : std::string(line);
}

void Screen::stream(std::string_view text) {
  clear_progress();
  if (!options_.terminal) {
    write(text);
    line_open_ = text.empty() ? line_open_ : text.back() != '\n';
    return;
  }
  if (!safe_) safe_.emplace(options_.ascii);
  std::string safe = safe_->push(text);
  // Models of some families begin an answer with blanks.
  if (!begun_) safe.erase(0, std::min(safe.find_first_not_of(" \n"), safe.size()));
  begun_ = begun_ || !safe.empty();
  if (options_.styled) {
    const auto columns = static_cast<size_t>(platform::terminal_size().columns);
    if (!markdown_) markdown_ = std::make_unique<MarkdownStream>(columns);
    markdown_->resize(columns);
    write(markdown_->push(safe));
  } else {
    write(safe);
    line_open_ = safe.empty() ? line_open_ : safe.back() != '\n';
  }
}

void Screen::end_answer() {
  clear_progress();
  if (safe_) {
    const std::string rest = safe_->finish();
    safe_.reset();
    if (markdown_) {
      write(markdown_->push(rest) + markdown_->finish());
    } else {
      write(rest);
    }
  }
  markdown_.reset();
  begun_ = false;
  if (std::exchange(line_open_, false)) write("\n");
  for (const Remark& waiting : std::exchange(waiting_, {})) remark(waiting.text, waiting.color);
}

void Screen::progress(std::string_view text) {
  if (!options_.terminal) return;
  const auto columns = static_cast<size_t>(platform::terminal_size().columns);
  while (text::display_width(text) >= columns) {  // a narrow window: without its end
    const size_t cut = text.find_last_of(",(");
    if (cut == text.npos || cut == 0) return;
    text = text.substr(0, text.find_last_not_of(' ', cut - 1) + 1);
  }
  write(options_.styled ? fmt::format("\r\x1b[90m{}\x1b[0m\x1b[K", text) : fmt::format("\r{}\x1b[K", text));
  progress_shown_ = true;
}

void Screen::clear_progress() {
  if (std::exchange(progress_shown_, false)) write("\r\x1b[K");
}

}  // namespace quipu::chat
