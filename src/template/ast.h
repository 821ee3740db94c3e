// The tree of a parsed template.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "template/lexer.h"
#include "template/value.h"

namespace quipu::chat_template {

enum class NodeKind : uint8_t {
  // expressions
  constant,  // value
  name,      // text
  list,
  tuple,      // kids
  dict,       // kids: key, value, key, value ...
  attribute,  // kids[0].text
  item,       // kids[0][kids[1]]
  slice,      // kids[0][kids[1]:kids[2]:kids[3]], missing ones null
  call,       // kids[0](rest); names: "" positional, "*", "**", else the keyword
  filter,     // kids[0] | text(rest)
  test,       // kids[0] is text(rest)
  unary,      // text: - + not
  binary,     // text: + - * / // % ** ~ and or
  compare,    // kids[0] names[0] kids[1] names[1] kids[2] ...
  ternary,    // kids: value, condition, otherwise (may be null)
  // statements
  body,          // kids
  text,          // text
  output,        // kids[0]
  if_else,       // kids: condition, body, otherwise (may be null)
  for_loop,      // kids: target, iterable, condition (may be null), body, otherwise (may be null); flag: recursive
  set,           // kids: target, value
  set_block,     // kids: target, body; filters in kids[2..]
  macro,         // text; names: parameters; kids[0]: body; kids[1..]: defaults of the last parameters
  call_block,    // kids: call, macro
  filter_block,  // kids: filter chain over a `captured` node, body
  with,          // kids: target, value, ..., body
  do_nothing,    // kids[0] is evaluated
  break_loop,
  continue_loop,
  captured,  // the text of the block around it
};

struct Node {
  NodeKind kind;
  Position at;
  std::string text;
  Value value;
  std::vector<std::string> names;
  std::vector<std::unique_ptr<Node>> kids;
  bool flag = false;
};
using NodePtr = std::unique_ptr<Node>;

// Throws Failure with line and column.
NodePtr parse_template(std::string_view source);

}  // namespace quipu::chat_template
