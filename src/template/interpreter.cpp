#include "template/interpreter.h"

#include <algorithm>

namespace quipu::chat_template {

// Counts the depth of nested evaluation: each level is a stack frame or two of ours.
class Interpreter::Level {
 public:
  explicit Level(Interpreter& i) : i_(i) {
    if (++i_.depth_ > i_.limits_.max_depth)
      fail_limit(fmt::format("the template runs more than {} levels deep", i_.limits_.max_depth));
  }
  ~Level() { i_.depth_--; }
  Level(const Level&) = delete;
  Level& operator=(const Level&) = delete;

 private:
  Interpreter& i_;
};

struct Interpreter::Loop {
  std::vector<Value> items;
  size_t index = 0;
  int64_t depth0 = 0;
  std::vector<Value> last_changed;
  bool has_changed_before = false;
};

Interpreter::Interpreter(const Limits& limits, std::shared_ptr<Scope> globals)
    : limits_(limits), globals_(std::move(globals)), scope_(std::make_shared<Scope>()) {
  define_globals(*globals_, *this);
  scope_->parent = globals_;
}

Interpreter::~Interpreter() {
  for (const auto& space : namespaces_) {
    space->index.clear();
    auto entries = std::move(space->entries);
    space->entries.clear();
  }
  for (const auto& scope : macro_scopes_) scope->variables.clear();
}

std::string Interpreter::run(const Node& root) {
  std::string text;
  out_ = &text;
  execute(root);
  return text;
}

void Interpreter::step(uint64_t n) {
  steps_ += n;
  if (steps_ > limits_.max_steps) fail_limit(fmt::format("the template takes more than {} steps", limits_.max_steps));
}

void Interpreter::check_size(uint64_t bytes) const {
  if (bytes > limits_.max_output_bytes)
    fail_limit(fmt::format("the template makes a text of more than {} bytes", limits_.max_output_bytes));
}

std::shared_ptr<Dict> Interpreter::make_namespace() {
  auto space = std::make_shared<Dict>();
  space->is_namespace = true;
  namespaces_.push_back(space);
  return space;
}

void Interpreter::write(const std::string& text) {
  check_size(out_->size() + text.size());
  step(1 + text.size() / 64);
  *out_ += text;
}

Value Interpreter::variable(const std::string& name) const {
  for (const Scope* scope = scope_.get(); scope != nullptr; scope = scope->parent.get()) {
    const auto found = scope->variables.find(name);
    if (found != scope->variables.end()) return found->second;
  }
  return Value::undefined("'" + name + "' is undefined");
}

// ---- statements

Interpreter::Flow Interpreter::execute_body(const Node& body) {
  for (const NodePtr& kid : body.kids) {
    const Flow flow = execute(*kid);
    if (flow != Flow::normal) return flow;
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute(const Node& node) {
  const Level level(*this);
  step();
  switch (node.kind) {
    case NodeKind::body:
      return execute_body(node);
    case NodeKind::text:
      write(node.text);
      break;
    case NodeKind::output:
      write(evaluate(*node.kids[0]).text());
      break;
    case NodeKind::if_else:
      return execute_if(node);
    case NodeKind::for_loop:
      return execute_for(node);
    case NodeKind::set:
      execute_set(node);
      break;
    case NodeKind::set_block:
      execute_set_block(node);
      break;
    case NodeKind::macro:
      scope_->variables[node.text] = make_macro(node);
      break;
    case NodeKind::call_block:
      execute_call_block(node);
      break;
    case NodeKind::filter_block: {
      std::string text = capture(*node.kids[1]);
      captured_ = std::move(text);
      write(evaluate(*node.kids[0]).text());
      break;
    }
    case NodeKind::with:
      execute_with(node);
      break;
    case NodeKind::do_nothing:
      evaluate(*node.kids[0]);
      break;
    case NodeKind::break_loop:
      return Flow::break_loop;
    case NodeKind::continue_loop:
      return Flow::continue_loop;
    default:
      fail("internal: an expression stands where a statement belongs");
  }
  return Flow::normal;
}

Interpreter::Flow Interpreter::execute_if(const Node& node) {
  if (evaluate(*node.kids[0]).truthy()) return execute(*node.kids[1]);
  return node.kids[2] ? execute(*node.kids[2]) : Flow::normal;
}

Interpreter::Flow Interpreter::execute_for(const Node& node) {
  run_loop(node, evaluate(*node.kids[1]), 0);
  return Flow::normal;
}

Value Interpreter::loop_variable(const std::shared_ptr<Loop>& loop, const Node& node) {
  auto dict = std::make_shared<Dict>();
  const auto n = static_cast<int64_t>(loop->items.size());
  const auto i = static_cast<int64_t>(loop->index);
  dict->set("index", i + 1);
  dict->set("index0", i);
  dict->set("revindex", n - i);
  dict->set("revindex0", n - i - 1);
  dict->set("first", i == 0);
  dict->set("last", i + 1 == n);
  dict->set("length", n);
  dict->set("depth", loop->depth0 + 1);
  dict->set("depth0", loop->depth0);
  dict->set("previtem", i > 0 ? loop->items[loop->index - 1] : Value::undefined("there is no previous item"));
  dict->set("nextitem", i + 1 < n ? loop->items[loop->index + 1] : Value::undefined("there is no next item"));
  const auto method = [&](const char* name, auto call) {
    dict->set(name, std::make_shared<const Callable>(Callable{name, std::move(call)}));
  };
  method("cycle", [i](const Arguments& arguments) -> Value {
    if (arguments.positional.empty()) fail("no items for cycling given");
    return arguments.positional[static_cast<size_t>(i) % arguments.positional.size()];
  });
  method("changed", [loop](const Arguments& arguments) -> Value {
    const bool same =
        loop->has_changed_before && std::equal(arguments.positional.begin(), arguments.positional.end(),
                                               loop->last_changed.begin(), loop->last_changed.end(), equal);
    loop->has_changed_before = true;
    loop->last_changed = arguments.positional;
    return !same;
  });
  if (node.flag) {
    method("__call__", [this, &node, depth = loop->depth0](const Arguments& arguments) -> Value {
      if (arguments.positional.size() != 1) fail("a recursive loop is called with one argument");
      std::string text;
      std::string* const outer = std::exchange(out_, &text);
      try {
        run_loop(node, arguments.positional[0], depth + 1);
      } catch (...) {
        out_ = outer;
        throw;
      }
      out_ = outer;
      return text;
    });
  }
  return dict;
}

void Interpreter::run_loop(const Node& node, const Value& iterable, int64_t depth0) {
  const Level level(*this);
  const auto loop = std::make_shared<Loop>();
  loop->depth0 = depth0;
  const std::shared_ptr<Scope> outer = scope_;
  const auto fresh_scope = [&] {
    scope_ = std::make_shared<Scope>();
    scope_->parent = outer;
  };
  for (Value& item : iterate(iterable)) {
    step();
    if (node.kids[2]) {
      fresh_scope();
      assign(*node.kids[0], item);
      if (!evaluate(*node.kids[2]).truthy()) continue;
    }
    loop->items.push_back(std::move(item));
  }
  for (; loop->index < loop->items.size(); loop->index++) {
    step();
    fresh_scope();
    assign(*node.kids[0], loop->items[loop->index]);
    scope_->variables["loop"] = loop_variable(loop, node);
    if (execute(*node.kids[3]) == Flow::break_loop) break;
  }
  scope_ = outer;
  if (loop->items.empty() && node.kids[4]) {
    fresh_scope();
    execute(*node.kids[4]);
    scope_ = outer;
  }
}

void Interpreter::assign(const Node& target, const Value& value) {
  if (target.kind == NodeKind::name) {
    scope_->variables[target.text] = value;
    return;
  }
  if (target.kind == NodeKind::attribute) {
    const Value object = evaluate(*target.kids[0]);
    if (!object.is_namespace()) fail("cannot assign attribute on non-namespace object");
    object.dict().set(Value(target.text), value);
    return;
  }
  const std::vector<Value> items = iterate(value);
  if (items.size() != target.kids.size())
    fail(fmt::format("cannot unpack {} values into {} names", items.size(), target.kids.size()));
  for (size_t i = 0; i < items.size(); i++) assign(*target.kids[i], items[i]);
}

void Interpreter::execute_set(const Node& node) {
  assign(*node.kids[0], evaluate(*node.kids[1]));
}

std::string Interpreter::capture(const Node& body) {
  std::string text;
  std::string* const outer = std::exchange(out_, &text);
  const std::shared_ptr<Scope> scope = scope_;
  scope_ = std::make_shared<Scope>();
  scope_->parent = scope;
  execute(body);
  scope_ = scope;
  out_ = outer;
  return text;
}

void Interpreter::execute_set_block(const Node& node) {
  std::string text = capture(*node.kids[1]);
  captured_ = std::move(text);
  assign(*node.kids[0], evaluate(*node.kids[2]));
}

void Interpreter::execute_with(const Node& node) {
  const std::shared_ptr<Scope> outer = scope_;
  auto inner = std::make_shared<Scope>();
  inner->parent = outer;
  for (size_t i = 0; i + 1 < node.kids.size(); i += 2) {
    const Value value = evaluate(*node.kids[i + 1]);
    scope_ = inner;
    assign(*node.kids[i], value);
    scope_ = outer;
  }
  scope_ = inner;
  execute(*node.kids.back());
  scope_ = outer;
}

void Interpreter::execute_call_block(const Node& node) {
  const Value caller = make_macro(*node.kids[1]);
  const Node& call = *node.kids[0];
  const Value callee = evaluate(*call.kids[0]);
  if (!callee.is_callable()) fail(fmt::format("'{}' object is not callable", callee.type_name()));
  Arguments arguments = evaluate_arguments(call);
  arguments.named.emplace_back("caller", caller);
  write(callee.callable().call(arguments).text());
}

Value Interpreter::make_macro(const Node& node) {
  macro_scopes_.push_back(scope_);
  return std::make_shared<const Callable>(Callable{
      node.text,
      [this, &node, scope = scope_](const Arguments& arguments) { return call_macro(node, scope, arguments); }});
}

Value Interpreter::call_macro(const Node& node, const std::shared_ptr<Scope>& scope, const Arguments& arguments) {
  const Level level(*this);
  const std::shared_ptr<Scope> outer = scope_;
  auto inner = std::make_shared<Scope>();
  inner->parent = scope;
  const size_t n = node.names.size(), n_defaults = node.kids.size() - 1;
  scope_ = inner;
  for (size_t i = 0; i < n; i++) {
    if (const Value* given = arguments.get(i, node.names[i])) {
      inner->variables[node.names[i]] = *given;
    } else if (i + n_defaults >= n) {
      inner->variables[node.names[i]] = evaluate(*node.kids[1 + i + n_defaults - n]);
    } else {
      inner->variables[node.names[i]] = Value::undefined("parameter '" + node.names[i] + "' was not provided");
    }
  }
  std::vector<Value> varargs;
  for (size_t i = n; i < arguments.positional.size(); i++) varargs.push_back(arguments.positional[i]);
  auto kwargs = std::make_shared<Dict>();
  for (const auto& [name, value] : arguments.named) {
    if (std::ranges::find(node.names, name) != node.names.end()) continue;
    if (name == "caller")
      inner->variables["caller"] = value;
    else
      kwargs->set(Value(name), value);
  }
  inner->variables["varargs"] = Value::list(std::move(varargs), true);
  inner->variables["kwargs"] = kwargs;
  std::string text;
  std::string* const outer_out = std::exchange(out_, &text);
  execute(*node.kids[0]);
  out_ = outer_out;
  scope_ = outer;
  return text;
}

// ---- expressions

Arguments Interpreter::evaluate_arguments(const Node& node) {
  Arguments arguments;
  for (size_t i = 0; i < node.names.size(); i++) {
    const Value value = evaluate(*node.kids[i + 1]);
    if (node.names[i].empty()) {
      arguments.positional.push_back(value);
    } else if (node.names[i] == "*") {
      for (Value& item : iterate(value)) arguments.positional.push_back(std::move(item));
    } else if (node.names[i] == "**") {
      if (!value.is_dict()) fail("argument after ** must be a mapping");
      for (const auto& [key, item] : value.dict().entries) arguments.named.emplace_back(key.text(), item);
    } else {
      arguments.named.emplace_back(node.names[i], value);
    }
    step();
  }
  return arguments;
}

Value Interpreter::evaluate_call(const Node& node) {
  Value callee = evaluate(*node.kids[0]);
  if (callee.is_undefined()) fail(callee.undefined_hint());
  if (callee.is_dict()) {  // loop(...) of a recursive loop
    if (const Value* call = callee.dict().find(std::string_view("__call__"))) callee = *call;
  }
  if (!callee.is_callable()) fail(fmt::format("'{}' object is not callable", callee.type_name()));
  const Arguments arguments = evaluate_arguments(node);
  return callee.callable().call(arguments);
}

Value Interpreter::apply_filter(const std::string& name, const Value& operand, const Arguments& arguments) {
  const Filter filter = find_filter(name);
  if (filter == nullptr) fail(fmt::format("No filter named '{}'.", name));
  step();
  return filter(*this, operand, arguments);
}

bool Interpreter::apply_test(const std::string& name, const Value& operand, const Arguments& arguments) {
  step();
  if (name == "filter") return operand.is_string() && find_filter(operand.string()) != nullptr;
  if (name == "test") return operand.is_string() && find_test(operand.string()) != nullptr;
  const Test test = find_test(name);
  if (test == nullptr) fail(fmt::format("No test named '{}'.", name));
  return test(operand, arguments);
}

Value Interpreter::evaluate(const Node& node) {
  const Level level(*this);
  step();
  switch (node.kind) {
    case NodeKind::constant:
      return node.value;
    case NodeKind::captured:
      return captured_;
    case NodeKind::name:
      return variable(node.text);
    case NodeKind::list:
    case NodeKind::tuple: {
      std::vector<Value> items;
      for (const NodePtr& kid : node.kids) items.push_back(evaluate(*kid));
      return Value::list(std::move(items), node.kind == NodeKind::tuple);
    }
    case NodeKind::dict: {
      auto dict = std::make_shared<Dict>();
      for (size_t i = 0; i < node.kids.size(); i += 2) dict->set(evaluate(*node.kids[i]), evaluate(*node.kids[i + 1]));
      return dict;
    }
    case NodeKind::attribute:
      return lookup(evaluate(*node.kids[0]), Value(node.text), true);
    case NodeKind::item: {
      const Value object = evaluate(*node.kids[0]);
      return lookup(object, evaluate(*node.kids[1]), false);
    }
    case NodeKind::slice:
      return evaluate_slice(node);
    case NodeKind::call:
      return evaluate_call(node);
    case NodeKind::filter: {
      const Value operand = evaluate(*node.kids[0]);
      return apply_filter(node.text, operand, evaluate_arguments(node));
    }
    case NodeKind::test: {
      const Value operand = evaluate(*node.kids[0]);
      return apply_test(node.text, operand, evaluate_arguments(node));
    }
    case NodeKind::unary:
      return evaluate_unary(node);
    case NodeKind::binary:
      return evaluate_binary(node);
    case NodeKind::compare:
      return evaluate_compare(node);
    case NodeKind::ternary:
      if (evaluate(*node.kids[1]).truthy()) return evaluate(*node.kids[0]);
      return node.kids[2]
                 ? evaluate(*node.kids[2])
                 : Value::undefined("the inline if-expression evaluated to false and no else section was defined");
    default:
      fail("internal: a statement stands where an expression belongs");
  }
}

Value Interpreter::evaluate_unary(const Node& node) {
  const Value operand = evaluate(*node.kids[0]);
  if (node.text == "not") return !operand.truthy();
  if (operand.is_undefined()) fail(operand.undefined_hint());
  if (!operand.is_number()) fail(fmt::format("bad operand type for unary {}: '{}'", node.text, operand.type_name()));
  if (operand.is_float()) return node.text == "-" ? -operand.real() : operand.real();
  return node.text == "-" ? arithmetic(*this, "-", int64_t{0}, operand) : Value(operand.integer());
}

Value Interpreter::evaluate_binary(const Node& node) {
  Value left = evaluate(*node.kids[0]);
  if (node.text == "and") return left.truthy() ? evaluate(*node.kids[1]) : left;
  if (node.text == "or") return left.truthy() ? left : evaluate(*node.kids[1]);
  const Value right = evaluate(*node.kids[1]);
  if (node.text == "~") {
    std::string text = left.text() + right.text();
    check_size(text.size());
    step(text.size() / 64);
    return text;
  }
  return arithmetic(*this, node.text, left, right);
}

Value Interpreter::evaluate_compare(const Node& node) {
  Value left = evaluate(*node.kids[0]);
  for (size_t i = 0; i < node.names.size(); i++) {
    Value right = evaluate(*node.kids[i + 1]);
    const std::string& op = node.names[i];
    bool holds = false;
    if (op == "==")
      holds = equal(left, right);
    else if (op == "!=")
      holds = !equal(left, right);
    else if (op == "in")
      holds = contains(right, left);
    else if (op == "not in")
      holds = !contains(right, left);
    else {
      for (const Value* side : {&left, &right})
        if (side->is_undefined()) fail(side->undefined_hint());
      const int order = compare(left, right);
      holds = op == "<" ? order < 0 : op == ">" ? order > 0 : op == "<=" ? order <= 0 : order >= 0;
    }
    if (!holds) return false;
    left = std::move(right);
  }
  return true;
}

namespace {

// Python's slice.indices(n).
struct Range {
  int64_t begin = 0, end = 0, step = 1;
};

Range slice_range(const Value& begin, const Value& end, const Value& step, int64_t n) {
  const auto number = [](const Value& v) {
    if (!v.is_integral()) fail("slice indices must be integers or None");
    return v.integer();
  };
  Range r;
  r.step = step.is_none() ? 1 : number(step);
  if (r.step == 0) fail("slice step cannot be zero");
  const int64_t low = r.step > 0 ? 0 : -1, high = r.step > 0 ? n : n - 1;
  const auto bound = [&](const Value& v, int64_t fallback) {
    if (v.is_none()) return fallback;
    const int64_t i = number(v);
    return std::clamp(i < 0 ? i + n : i, low, high);
  };
  r.begin = bound(begin, r.step > 0 ? low : high);
  r.end = bound(end, r.step > 0 ? high : low);
  return r;
}

}  // namespace

Value Interpreter::evaluate_slice(const Node& node) {
  const Value object = evaluate(*node.kids[0]);
  Value parts[3];
  for (size_t i = 0; i < 3; i++)
    if (node.kids[i + 1]) parts[i] = evaluate(*node.kids[i + 1]);
  if (object.is_undefined()) fail(object.undefined_hint());
  if (!object.is_string() && !object.is_list()) fail(fmt::format("'{}' object cannot be sliced", object.type_name()));
  const std::vector<Value> items = iterate(object);
  step(items.size());
  const Range r = slice_range(parts[0], parts[1], parts[2], static_cast<int64_t>(items.size()));
  std::vector<Value> taken;
  // A step beyond the length ends the walk; it must not wrap.
  for (int64_t i = r.begin; r.step > 0 ? i < r.end : i > r.end;) {
    taken.push_back(items[static_cast<size_t>(i)]);
    if (__builtin_add_overflow(i, r.step, &i)) break;
  }
  if (!object.is_string()) return Value::list(std::move(taken), object.list().is_tuple);
  std::string text;
  for (const Value& c : taken) text += c.string();
  return text;
}

Value Interpreter::lookup(const Value& object, const Value& key, bool attribute_first) {
  if (object.is_undefined()) fail(object.undefined_hint());
  if (attribute_first && !object.is_namespace()) {
    Value method = find_method(*this, object, key.string());
    if (!method.is_undefined()) return method;
  }
  if (object.is_dict()) {
    if (const Value* found = object.dict().find(key)) return *found;
  } else if (object.is_list() && key.is_integral()) {
    const auto n = static_cast<int64_t>(object.list().items.size());
    const int64_t i = key.integer() < 0 ? key.integer() + n : key.integer();
    if (i >= 0 && i < n) return object.list().items[static_cast<size_t>(i)];
    return Value::undefined(fmt::format("{} object has no element {}", object.type_name(), key.integer()));
  } else if (object.is_string() && key.is_integral()) {
    const std::vector<std::string_view> all = characters(object.string());
    step(all.size() / 16);
    const auto n = static_cast<int64_t>(all.size());
    const int64_t i = key.integer() < 0 ? key.integer() + n : key.integer();
    if (i >= 0 && i < n) return Value(all[static_cast<size_t>(i)]);
    return Value::undefined(fmt::format("str object has no element {}", key.integer()));
  }
  if (!attribute_first && key.is_string() && !object.is_namespace()) {
    Value method = find_method(*this, object, key.string());
    if (!method.is_undefined()) return method;
  }
  const std::string shown = key.is_string() ? "attribute '" + key.string() + "'" : "element " + key.repr();
  return Value::undefined(fmt::format("'{} object' has no {}", object.type_name(), shown));
}

}  // namespace quipu::chat_template
