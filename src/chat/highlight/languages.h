// What a programming language looks like: enough to colour it.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace quipu::chat {

struct StringRule {
  std::string_view open, close;
  bool escapes = true;  // a backslash takes the next character with it
  bool multi_line = false;
};

// Lists of words are separated by blanks, in lower case where `ignores_case`.
struct Language {
  std::string_view names;  // as they stand behind ```; the first is the usual one
  std::string_view keywords;
  std::string_view types;  // built-in types, functions and constants
  std::string_view line_comments = "//";
  std::string_view block_open = "/*", block_close = "*/";  // empty: none
  std::span<const StringRule> strings = {};
  char sigil = '\0';                      // begins a variable ($)
  char attribute = '\0';                  // begins an annotation (@)
  std::string_view word_characters = {};  // beside letters, digits and _
  bool ignores_case = false;
  bool markup = false;      // tags between < and >
  bool line_kinds = false;  // the first character of a line tells its kind (diff)
};

// Nothing for a name that is not known. Not case-sensitive; what follows white space, a comma or { is dropped.
const Language* find_language(std::string_view info);
std::span<const Language> languages();

// Whether `word` is one of the words of a list.
bool lists(std::string_view words, std::string_view word);

}  // namespace quipu::chat
