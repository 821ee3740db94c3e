// Reads a line, or several, from a terminal: Emacs' keys, history with search, completion, bracketed paste.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "chat/line_editor/edit_buffer.h"
#include "chat/line_editor/editor_view.h"
#include "chat/line_editor/history.h"
#include "chat/line_editor/key_reader.h"
#include "platform/terminal.h"

namespace quipu::chat {

// What could stand in place of text[begin, cursor).
struct Completion {
  size_t begin = 0;
  std::vector<std::string> candidates;
};

struct EditorHooks {
  std::function<Completion(std::string_view text, size_t cursor)> complete;  // may be empty
  std::function<std::string(std::string_view text)> hint;                    // may be empty
};

struct Prompt {
  std::string first = ">>> ", further = "... ";  // may hold colours (CSI ... m)
};

class LineEditor {
 public:
  enum class Outcome : uint8_t {
    line,
    end_of_input,  // ctrl-d on an empty line
    interrupted,   // ctrl-c
    terminated,    // the terminal went away, or the process was asked to end
  };
  struct Line {
    Outcome outcome = Outcome::line;
    std::string text;
  };

  // All three must outlive the editor.
  LineEditor(platform::Terminal& terminal, History& history, EditorHooks hooks);

  // Shows the prompt and returns what was entered. Text between """ and """ may have several lines. `initial` is there
  // to begin with. Keys that came before the call are taken too. The terminal is in mode quiet afterwards.
  Line read(const Prompt& prompt, const std::string& initial = "");

 private:
  enum class Step : uint8_t { go_on, done };
  Step press(const KeyPress& key);
  bool edit_key(const KeyPress& key);
  bool chain_key(const KeyPress& key);
  Step enter();
  void complete();
  void list_candidates(const std::vector<std::string>& candidates);
  void walk_history(bool back);
  void show_entry(size_t index);
  void search_key(const KeyPress& key);
  void find_again(bool back);
  void edit_externally();
  void paint();
  void emit(const std::string& bytes);
  Line finish(Outcome outcome);

  platform::Terminal& terminal_;
  History& history_;
  EditorHooks hooks_;
  KeyReader keys_;
  EditBuffer buffer_;
  EditorView view_;
  Prompt prompt_;
  Outcome outcome_ = Outcome::line;
  std::vector<std::string> below_;
  size_t history_at_ = 0;   // entries().size(): the line being typed
  std::string typed_line_;  // kept while older entries are shown
  struct Search {
    bool active = false, failed = false, back = true;
    std::string part, before;
    size_t at = 0;
  } search_;
};

}  // namespace quipu::chat
