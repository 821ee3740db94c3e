#include "chat/line_editor/line_editor.h"

#include <algorithm>

#include "text/display.h"

namespace quipu::chat {
namespace {

constexpr std::string_view kPasteOn = "\x1b[?2004h", kPasteOff = "\x1b[?2004l";
constexpr std::string_view kTripleQuote = "\"\"\"";

// Text that begins with """ and has no """ after it.
bool is_open(std::string_view text) {
  const size_t begin = text.find_first_not_of(" \t\n");
  if (begin == text.npos || !text.substr(begin).starts_with(kTripleQuote)) return false;
  return text.find(kTripleQuote, begin + kTripleQuote.size()) == text.npos;
}

std::string common_beginning(const std::vector<std::string>& words) {
  std::string common = words.front();
  for (const std::string& word : words) {
    const auto n = std::mismatch(common.begin(), common.end(), word.begin(), word.end()).first - common.begin();
    common.resize(static_cast<size_t>(n));
  }
  // Not in the middle of a character.
  while (!common.empty() && common.size() < words.front().size() &&
         (static_cast<unsigned char>(words.front()[common.size()]) & 0xC0) == 0x80) {
    common.pop_back();
  }
  return common;
}

}  // namespace

LineEditor::LineEditor(platform::Terminal& terminal, History& history, EditorHooks hooks)
    : terminal_(terminal), history_(history), hooks_(std::move(hooks)) {}

void LineEditor::emit(const std::string& bytes) {
  platform::write_stream(platform::Stream::standard_output, bytes);
}

LineEditor::Line LineEditor::read(const Prompt& prompt, const std::string& initial) {
  prompt_ = prompt;
  buffer_.reset(initial);
  below_.clear();
  history_at_ = history_.entries().size();
  search_ = {};
  view_.forget();
  const auto size = platform::terminal_size();
  view_.resize(size.columns, size.rows);
  terminal_.set(platform::Terminal::Mode::keys);
  emit(std::string(kPasteOn));
  paint();
  for (bool no_more = false;;) {
    bool pressed = false;
    while (const auto key = keys_.next(no_more)) {
      no_more = false;
      pressed = true;
      if (press(*key) == Step::done) return finish(outcome_);
    }
    if (pressed) paint();
    const auto input = terminal_.read(keys_.patience_ms());
    no_more = input.event == platform::Terminal::Event::timeout;
    if (input.event == platform::Terminal::Event::ended) return finish(Outcome::terminated);
    if (input.event == platform::Terminal::Event::resized) {
      const auto now = platform::terminal_size();
      view_.resize(now.columns, now.rows);
      emit(std::string(kPasteOn));  // also comes after a stop from outside, which turned it off
      paint();
    }
    keys_.push(input.bytes);
  }
}

LineEditor::Line LineEditor::finish(Outcome outcome) {
  below_.clear();
  search_.active = false;
  buffer_.set_cursor(buffer_.text().size());
  if (outcome == Outcome::terminated) {
    emit(std::string(kPasteOff));
    return {outcome, ""};
  }
  const EditorHooks hooks = std::exchange(hooks_, {});  // a hint must not stay on the screen
  paint();
  hooks_ = hooks;
  emit(view_.leave() + std::string(kPasteOff));
  terminal_.set(platform::Terminal::Mode::quiet);
  return {outcome, outcome == Outcome::line ? buffer_.text() : std::string()};
}

void LineEditor::paint() {
  ViewContent content{.prompt = prompt_.first,
                      .continuation = prompt_.further,
                      .text = buffer_.text(),
                      .cursor = buffer_.cursor(),
                      .hint = "",
                      .below = below_};
  if (search_.active) {
    content.prompt = (search_.failed ? "(no such line: '" : "(search: '") + search_.part + "') ";
  } else if (hooks_.hint && below_.empty()) {
    content.hint = hooks_.hint(buffer_.text());
  }
  emit(view_.paint(content));
}

LineEditor::Step LineEditor::press(const KeyPress& key) {
  below_.clear();
  if (search_.active) {
    const bool ends = key.key == Key::enter;
    search_key(key);
    if (!ends) return Step::go_on;
  }
  if (chain_key(key)) return Step::go_on;
  buffer_.end_chain();
  if (edit_key(key)) return Step::go_on;
  switch (key.key) {
    case Key::enter:
      return enter();
    case Key::interrupt:
      outcome_ = Outcome::interrupted;
      return Step::done;
    case Key::end_of_input_or_delete:
      if (buffer_.empty()) {
        outcome_ = Outcome::end_of_input;
        return Step::done;
      }
      buffer_.erase_right();
      return Step::go_on;
    case Key::tab:
      complete();
      return Step::go_on;
    case Key::up:
      if (!buffer_.move_up()) walk_history(true);
      return Step::go_on;
    case Key::down:
      if (!buffer_.move_down()) walk_history(false);
      return Step::go_on;
    case Key::history_first:
      if (!history_.entries().empty()) show_entry(0);
      return Step::go_on;
    case Key::history_last:
      show_entry(history_.entries().size());
      return Step::go_on;
    case Key::search_back:
    case Key::search_forward:
      search_ = {.active = true,
                 .failed = false,
                 .back = key.key == Key::search_back,
                 .part = "",
                 .before = buffer_.text(),
                 .at = history_at_};
      return Step::go_on;
    case Key::clear_screen:
      emit("\x1b[H\x1b[2J");
      view_.forget();
      return Step::go_on;
    case Key::suspend:
      emit(view_.leave() + std::string(kPasteOff));
      terminal_.suspend();
      emit(std::string(kPasteOn));
      return Step::go_on;
    case Key::edit_externally:
      edit_externally();
      return Step::go_on;
    default:
      return Step::go_on;
  }
}

// Keys that change the text or move in it.
bool LineEditor::edit_key(const KeyPress& key) {
  switch (key.key) {
    case Key::text:
    case Key::paste:
      return buffer_.insert(key.text), true;
    case Key::newline:
      return buffer_.insert("\n"), true;
    case Key::backspace:
      return buffer_.erase_left(), true;
    case Key::delete_forward:
      return buffer_.erase_right(), true;
    case Key::left:
      return buffer_.move_left(), true;
    case Key::right:
      return buffer_.move_right(), true;
    case Key::home:
      return buffer_.move_home(), true;
    case Key::end:
      return buffer_.move_end(), true;
    case Key::word_left:
      return buffer_.move_word_left(), true;
    case Key::word_right:
      return buffer_.move_word_right(), true;
    case Key::transpose:
      return buffer_.transpose(), true;
    case Key::uppercase_word:
      return buffer_.change_case(EditBuffer::Case::upper), true;
    case Key::lowercase_word:
      return buffer_.change_case(EditBuffer::Case::lower), true;
    case Key::capitalize_word:
      return buffer_.change_case(EditBuffer::Case::capital), true;
    case Key::undo:
      return buffer_.undo(), true;
    default:
      return false;
  }
}

// Keys whose effect depends on the one before: several kills in a row make one.
bool LineEditor::chain_key(const KeyPress& key) {
  switch (key.key) {
    case Key::kill_to_end:
      return buffer_.kill_to_end(), true;
    case Key::kill_to_start:
      return buffer_.kill_to_start(), true;
    case Key::kill_word_left:
      return buffer_.kill_word_left(true), true;
    case Key::kill_word_left_short:
      return buffer_.kill_word_left(false), true;
    case Key::kill_word_right:
      return buffer_.kill_word_right(), true;
    case Key::yank:
      return buffer_.yank(), true;
    case Key::yank_pop:
      return buffer_.yank_pop(), true;
    default:
      return false;
  }
}

LineEditor::Step LineEditor::enter() {
  if (is_open(buffer_.text())) {
    buffer_.set_cursor(buffer_.text().size());
    buffer_.insert("\n");
    return Step::go_on;
  }
  outcome_ = Outcome::line;
  return Step::done;
}

// ---- completion -------------------------------------------------------------------------------------------------

void LineEditor::complete() {
  if (!hooks_.complete) return;
  const Completion completion = hooks_.complete(buffer_.text(), buffer_.cursor());
  if (completion.candidates.empty()) return;
  const std::string common = common_beginning(completion.candidates);
  const size_t typed = buffer_.cursor() - completion.begin;
  if (completion.candidates.size() == 1) {
    const bool folder = common.ends_with('/');
    buffer_.replace(completion.begin, buffer_.cursor(), common + (folder ? "" : " "));
  } else if (common.size() > typed) {
    buffer_.replace(completion.begin, buffer_.cursor(), common);
  } else {
    list_candidates(completion.candidates);
  }
}

void LineEditor::list_candidates(const std::vector<std::string>& candidates) {
  constexpr size_t kMaxRows = 8;
  const auto columns = static_cast<size_t>(platform::terminal_size().columns);
  size_t width = 0;
  for (const std::string& candidate : candidates) width = std::max(width, text::display_width(candidate) + 2);
  const size_t per_row = std::max<size_t>(columns / width, 1);
  std::string row;
  for (size_t i = 0; i < candidates.size(); ++i) {
    row += candidates[i] + std::string(width - text::display_width(candidates[i]), ' ');
    if ((i + 1) % per_row != 0 && i + 1 != candidates.size()) continue;
    below_.push_back(std::exchange(row, ""));
    if (below_.size() == kMaxRows && i + 1 != candidates.size()) {
      below_.push_back("... and " + std::to_string(candidates.size() - i - 1) + " more");
      return;
    }
  }
}

// ---- history ----------------------------------------------------------------------------------------------------

void LineEditor::show_entry(size_t index) {
  const auto& entries = history_.entries();
  if (history_at_ == entries.size()) typed_line_ = buffer_.text();
  history_at_ = index;
  buffer_.replace_all(index == entries.size() ? typed_line_ : entries[index]);
}

void LineEditor::walk_history(bool back) {
  if (back && history_at_ > 0) show_entry(history_at_ - 1);
  if (!back && history_at_ < history_.entries().size()) show_entry(history_at_ + 1);
}

void LineEditor::search_key(const KeyPress& key) {
  switch (key.key) {
    case Key::text:
    case Key::paste:
      search_.part += key.text;
      search_.at = std::min(search_.at + 1, history_.entries().size());  // the line that is shown may still match
      return find_again(true);
    case Key::backspace:
      while (!search_.part.empty() && (static_cast<unsigned char>(search_.part.back()) & 0xC0) == 0x80)
        search_.part.pop_back();
      if (!search_.part.empty()) search_.part.pop_back();
      search_.at = history_.entries().size();
      return find_again(true);
    case Key::search_back:
      return find_again(true);
    case Key::search_forward:
      return find_again(false);
    case Key::cancel:
    case Key::interrupt:
      buffer_.replace_all(search_.before);
      search_.active = false;
      return;
    case Key::ignored:
    case Key::cursor_report:
      return;
    default:  // takes the line
      search_.active = false;
      history_at_ = std::min(search_.at, history_.entries().size());
      if (key.key != Key::enter && key.key != Key::escape) edit_key(key);
  }
}

void LineEditor::find_again(bool back) {
  const auto found =
      back ? history_.find_back(search_.part, search_.at) : history_.find_forward(search_.part, search_.at);
  search_.failed = !found;
  if (!found) return;
  search_.at = *found;
  buffer_.replace_all(history_.entries()[*found]);
}

void LineEditor::edit_externally() {
  emit(view_.leave() + std::string(kPasteOff));
  terminal_.set(platform::Terminal::Mode::found);
  auto edited = platform::edit_text(buffer_.text());
  terminal_.set(platform::Terminal::Mode::keys);
  emit(std::string(kPasteOn));
  if (!edited.ok()) {
    below_.push_back(edited.error().message);
    return;
  }
  std::string text = cleaned_paste(*edited);
  while (text.ends_with('\n')) text.pop_back();
  buffer_.replace_all(text);
}

}  // namespace quipu::chat
