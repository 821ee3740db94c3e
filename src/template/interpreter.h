// Runs a parsed template.
#pragma once

#include <memory>
#include <string>
#include <unordered_map>
#include <vector>

#include "template/ast.h"
#include "template/value.h"

namespace quipu::chat_template {

// Variables of a block; `parent` is looked in next.
struct Scope {
  std::shared_ptr<Scope> parent;
  std::unordered_map<std::string, Value> variables;
};

class Interpreter {
 public:
  Interpreter(const Limits& limits, std::shared_ptr<Scope> globals);
  ~Interpreter();
  Interpreter(const Interpreter&) = delete;
  Interpreter& operator=(const Interpreter&) = delete;

  // The rendered text. Throws Failure.
  std::string run(const Node& root);

  // For filters that call others by name (map, select ...).
  Value apply_filter(const std::string& name, const Value& operand, const Arguments& arguments);
  bool apply_test(const std::string& name, const Value& operand, const Arguments& arguments);
  // Counts work, so that time is bounded.
  void step(uint64_t n = 1);
  // Fails if a text of this size would be too much.
  void check_size(uint64_t bytes) const;
  // namespace(): its content is dropped when the interpreter ends, since namespaces may hold each other.
  std::shared_ptr<Dict> make_namespace();

  // obj.name or obj[key], as Jinja looks them up. `attribute_first`: methods and attributes before items.
  Value lookup(const Value& object, const Value& key, bool attribute_first);

 private:
  enum class Flow : uint8_t { normal, break_loop, continue_loop };
  class Level;
  struct Loop;

  Flow execute(const Node& node);
  Flow execute_body(const Node& body);
  Flow execute_if(const Node& node);
  Flow execute_for(const Node& node);
  void run_loop(const Node& node, const Value& iterable, int64_t depth0);
  Value loop_variable(const std::shared_ptr<Loop>& loop, const Node& node);
  void execute_set(const Node& node);
  void execute_set_block(const Node& node);
  void execute_call_block(const Node& node);
  void execute_with(const Node& node);
  void assign(const Node& target, const Value& value);
  std::string capture(const Node& body);
  Value make_macro(const Node& node);
  Value call_macro(const Node& node, const std::shared_ptr<Scope>& scope, const Arguments& arguments);

  Value evaluate(const Node& node);
  Value evaluate_call(const Node& node);
  Value evaluate_binary(const Node& node);
  Value evaluate_compare(const Node& node);
  Value evaluate_slice(const Node& node);
  Value evaluate_unary(const Node& node);
  Arguments evaluate_arguments(const Node& node);
  Value variable(const std::string& name) const;
  void write(const std::string& text);

  const Limits& limits_;
  std::shared_ptr<Scope> globals_, scope_;
  std::string* out_ = nullptr;
  uint64_t steps_ = 0;
  uint32_t depth_ = 0;
  std::string captured_;                              // of the block whose filters run
  std::vector<std::shared_ptr<Dict>> namespaces_;     // to break cycles
  std::vector<std::shared_ptr<Scope>> macro_scopes_;  // likewise
};

// The built-in filters, tests and methods, a file each. Null: no such thing.
using Filter = Value (*)(Interpreter& interpreter, const Value& operand, const Arguments& arguments);
Filter find_filter(std::string_view name);
using Test = bool (*)(const Value& operand, const Arguments& arguments);
Test find_test(std::string_view name);
// A bound method of a string, list or dict; undefined if there is none.
Value find_method(Interpreter& interpreter, const Value& object, const std::string& name);
// range, namespace, dict, raise_exception ...
void define_globals(Scope& scope, Interpreter& interpreter);
// a op b of Python's arithmetic; fails for types that do not have it.
Value arithmetic(Interpreter& interpreter, const std::string& op, const Value& a, const Value& b);
// "..." % arguments and "...".format(arguments).
std::string percent_format(Interpreter& interpreter, const std::string& format, const Value& arguments);
std::string brace_format(Interpreter& interpreter, const std::string& format, const Arguments& arguments);

}  // namespace quipu::chat_template
