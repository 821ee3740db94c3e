#include <algorithm>
#include <array>
#include <charconv>
#include <cstdlib>

#include "template/ast.h"

namespace quipu::chat_template {
namespace {

// A stack frame of the parser and of the evaluator for each level; published templates stay under 30.
constexpr uint32_t kMaxDepth = 200;

class Parser {
 public:
  explicit Parser(std::vector<Token> tokens) : tokens_(std::move(tokens)) {}

  NodePtr run() {
    NodePtr root = body({});
    if (peek().kind != TokenKind::end) error("unexpected end of block");
    return root;
  }

 private:
  class Level {
   public:
    explicit Level(Parser& p) : p_(p) {
      if (++p_.depth_ > kMaxDepth)
        fail_limit(fmt::format("the template is nested more than {} deep at line {}", kMaxDepth, p_.peek().at.line));
    }
    ~Level() { p_.depth_--; }
    Level(const Level&) = delete;
    Level& operator=(const Level&) = delete;

   private:
    Parser& p_;
  };

  [[nodiscard]] const Token& peek(size_t ahead = 0) const { return tokens_[std::min(at_ + ahead, tokens_.size() - 1)]; }
  Token next() { return tokens_[std::min(at_++, tokens_.size() - 1)]; }
  [[nodiscard]] bool is_symbol(std::string_view s) const {
    return peek().kind == TokenKind::symbol && peek().text == s;
  }
  [[nodiscard]] bool is_name(std::string_view s) const { return peek().kind == TokenKind::name && peek().text == s; }

  [[noreturn]] void error(const std::string& message) const {
    fail(fmt::format("{} at line {}, column {}", message, peek().at.line, peek().at.column));
  }
  bool take_symbol(std::string_view s) { return is_symbol(s) ? (at_++, true) : false; }
  bool take_name(std::string_view s) { return is_name(s) ? (at_++, true) : false; }
  void expect_symbol(std::string_view s) {
    if (!take_symbol(s)) error(fmt::format("expected '{}', got '{}'", s, shown()));
  }
  void expect_name(std::string_view s) {
    if (!take_name(s)) error(fmt::format("expected '{}', got '{}'", s, shown()));
  }
  std::string any_name() {
    if (peek().kind != TokenKind::name) error(fmt::format("expected a name, got '{}'", shown()));
    return next().text;
  }
  void expect(TokenKind kind, std::string_view what) {
    if (peek().kind != kind) error(fmt::format("expected {}, got '{}'", what, shown()));
    at_++;
  }
  void block_end() { expect(TokenKind::block_end, "the end of the statement"); }
  [[nodiscard]] std::string shown() const {
    switch (peek().kind) {
      case TokenKind::end:
        return "end of template";
      case TokenKind::block_end:
        return "%}";
      case TokenKind::variable_end:
        return "}}";
      default:
        return peek().text;
    }
  }

  [[nodiscard]] NodePtr make(NodeKind kind, std::string text = {}) const {
    auto node = std::make_unique<Node>();
    node->kind = kind;
    node->at = peek().at;
    node->text = std::move(text);
    return node;
  }
  template <typename... Kids>
  [[nodiscard]] NodePtr make(NodeKind kind, std::string text, Kids... kids) const {
    NodePtr node = make(kind, std::move(text));
    (node->kids.push_back(std::move(kids)), ...);
    return node;
  }

  // ---- statements

  // Up to a block whose name is one of `ends`; that name is not taken, its `{%` is.
  NodePtr body(const std::vector<std::string_view>& ends) {
    const Level level(*this);
    NodePtr node = make(NodeKind::body);
    for (;;) {
      const Token& token = peek();
      if (token.kind == TokenKind::end) {
        if (ends.empty()) return node;
        error(fmt::format("unexpected end of template, expected '{}'", ends.front()));
      }
      if (token.kind == TokenKind::text) {
        node->kids.push_back(make(NodeKind::text, token.text));
        at_++;
      } else if (token.kind == TokenKind::variable_begin) {
        at_++;
        node->kids.push_back(make(NodeKind::output, "", tuple_or_expression()));
        expect(TokenKind::variable_end, "'}}'");
      } else {
        at_++;
        if (std::ranges::any_of(ends, [&](std::string_view end) { return is_name(end); })) return node;
        node->kids.push_back(statement());
      }
    }
  }

  void end_of(std::string_view name) {
    expect_name(name);
    block_end();
  }

  NodePtr statement() {
    const std::string name = any_name();
    if (name == "if") return if_else();
    if (name == "for") return for_loop();
    if (name == "set") return set();
    if (name == "macro") return macro();
    if (name == "call") return call_block();
    if (name == "filter") return filter_block();
    if (name == "with") return with();
    if (name == "generation") return transparent("endgeneration");
    if (name == "do") {
      NodePtr node = make(NodeKind::do_nothing, "", tuple_or_expression());
      block_end();
      return node;
    }
    if (name == "break" || name == "continue") {
      if (loops_ == 0) error(fmt::format("'{}' outside of a loop", name));
      NodePtr node = make(name == "break" ? NodeKind::break_loop : NodeKind::continue_loop);
      block_end();
      return node;
    }
    at_--;
    error(fmt::format("unknown tag '{}'", name));
  }

  NodePtr transparent(std::string_view end) {
    block_end();
    NodePtr node = body({end});
    end_of(end);
    return node;
  }

  NodePtr if_else() {
    const Level level(*this);
    NodePtr condition = tuple_or_expression();
    block_end();
    NodePtr then = body({"elif", "else", "endif"});
    NodePtr otherwise;
    if (take_name("elif")) {
      otherwise = if_else();
    } else if (take_name("else")) {
      block_end();
      otherwise = body({"endif"});
      end_of("endif");
    } else {
      end_of("endif");
    }
    return make(NodeKind::if_else, "", std::move(condition), std::move(then), std::move(otherwise));
  }

  // Names, or tuples of them.
  NodePtr target() {
    const Level level(*this);
    const auto one = [&]() -> NodePtr {
      if (take_symbol("(")) {
        NodePtr inner = target();
        expect_symbol(")");
        return inner;
      }
      return make(NodeKind::name, any_name());
    };
    NodePtr first = one();
    if (!is_symbol(",")) return first;
    NodePtr node = make(NodeKind::tuple, "", std::move(first));
    while (take_symbol(",")) {
      if (peek().kind != TokenKind::name && !is_symbol("(")) break;
      if (is_name("in")) break;
      node->kids.push_back(one());
    }
    return node;
  }

  NodePtr for_loop() {
    NodePtr names = target();
    expect_name("in");
    NodePtr iterable = tuple_or_expression(false);
    NodePtr condition;
    if (take_name("if")) condition = expression();
    const bool recursive = take_name("recursive");
    block_end();
    loops_++;
    NodePtr loop_body = body({"else", "endfor"});
    loops_--;
    NodePtr otherwise;
    if (take_name("else")) {
      block_end();
      otherwise = body({"endfor"});
    }
    end_of("endfor");
    NodePtr node = make(NodeKind::for_loop, "", std::move(names), std::move(iterable), std::move(condition),
                        std::move(loop_body), std::move(otherwise));
    node->flag = recursive;
    return node;
  }

  NodePtr set() {
    NodePtr names;
    if (peek(1).kind == TokenKind::symbol && peek(1).text == ".") {
      NodePtr object = make(NodeKind::name, any_name());
      expect_symbol(".");
      names = make(NodeKind::attribute, any_name(), std::move(object));
    } else {
      names = target();
    }
    if (take_symbol("=")) {
      NodePtr node = make(NodeKind::set, "", std::move(names), tuple_or_expression());
      block_end();
      return node;
    }
    NodePtr chain = filters(make(NodeKind::captured));
    block_end();
    NodePtr inner = body({"endset"});
    end_of("endset");
    return make(NodeKind::set_block, "", std::move(names), std::move(inner), std::move(chain));
  }

  void parameters(Node& node) {
    expect_symbol("(");
    while (!is_symbol(")")) {
      if (!node.names.empty()) expect_symbol(",");
      if (is_symbol(")")) break;
      node.names.push_back(any_name());
      if (take_symbol("="))
        node.kids.push_back(expression());
      else if (node.kids.size() > 1)
        error("a parameter without a default follows one with a default");
    }
    expect_symbol(")");
  }

  NodePtr macro() {
    NodePtr node = make(NodeKind::macro, any_name(), NodePtr());
    parameters(*node);
    block_end();
    const uint32_t loops = std::exchange(loops_, 0);
    node->kids[0] = body({"endmacro"});
    loops_ = loops;
    end_of("endmacro");
    return node;
  }

  NodePtr call_block() {
    NodePtr caller = make(NodeKind::macro, "caller", NodePtr());
    if (is_symbol("(")) parameters(*caller);
    NodePtr call = expression();
    if (call->kind != NodeKind::call) error("expected a call");
    block_end();
    const uint32_t loops = std::exchange(loops_, 0);
    caller->kids[0] = body({"endcall"});
    loops_ = loops;
    end_of("endcall");
    return make(NodeKind::call_block, "", std::move(call), std::move(caller));
  }

  NodePtr filter_block() {
    NodePtr chain = one_filter(make(NodeKind::captured));
    chain = filters(std::move(chain));
    block_end();
    NodePtr inner = body({"endfilter"});
    end_of("endfilter");
    return make(NodeKind::filter_block, "", std::move(chain), std::move(inner));
  }

  NodePtr with() {
    NodePtr node = make(NodeKind::with);
    while (peek().kind != TokenKind::block_end) {
      if (!node->kids.empty()) expect_symbol(",");
      node->kids.push_back(target());
      expect_symbol("=");
      node->kids.push_back(expression());
    }
    block_end();
    node->kids.push_back(body({"endwith"}));
    end_of("endwith");
    return node;
  }

  // ---- expressions

  NodePtr tuple_or_expression(bool with_condition = true) {
    NodePtr first = with_condition ? expression() : logical_or();
    if (!is_symbol(",")) return first;
    NodePtr node = make(NodeKind::tuple, "", std::move(first));
    while (take_symbol(",")) {
      if (peek().kind == TokenKind::variable_end || peek().kind == TokenKind::block_end || is_symbol(")") ||
          is_symbol("="))
        break;
      node->kids.push_back(with_condition ? expression() : logical_or());
    }
    return node;
  }

  NodePtr expression() {
    const Level level(*this);
    NodePtr node = logical_or();
    while (take_name("if")) {
      NodePtr condition = logical_or();
      NodePtr otherwise;
      if (take_name("else")) otherwise = expression();
      node = make(NodeKind::ternary, "", std::move(node), std::move(condition), std::move(otherwise));
    }
    return node;
  }

  // Chains of one operator are as deep as they are long: they count against the depth, too.
  template <typename Operand, typename IsOperator>
  NodePtr chain(Operand operand, IsOperator is_operator) {
    NodePtr node = operand();
    uint32_t n = 0;
    while (is_operator()) {
      if (++n > kMaxDepth)
        fail_limit(
            fmt::format("an expression has more than {} operators in a row at line {}", kMaxDepth, peek().at.line));
      const std::string op = next().text;
      node = make(NodeKind::binary, op, std::move(node), operand());
    }
    return node;
  }

  NodePtr logical_or() {
    return chain([&] { return logical_and(); }, [&] { return is_name("or"); });
  }
  NodePtr logical_and() {
    return chain([&] { return logical_not(); }, [&] { return is_name("and"); });
  }
  NodePtr logical_not() {
    if (!is_name("not")) return comparison();
    const Level level(*this);
    at_++;
    return make(NodeKind::unary, "not", logical_not());
  }

  NodePtr comparison() {
    NodePtr node = sum();
    if (!is_comparison()) return node;
    NodePtr result = make(NodeKind::compare, "", std::move(node));
    while (is_comparison()) {
      std::string op = next().text;
      if (op == "not") {
        at_++;
        op = "not in";
      }
      result->names.push_back(op);
      result->kids.push_back(sum());
    }
    return result;
  }
  [[nodiscard]] bool is_comparison() const {
    static constexpr std::array<std::string_view, 6> kSymbols{"==", "!=", "<", ">", "<=", ">="};
    if (peek().kind == TokenKind::symbol) return std::ranges::find(kSymbols, peek().text) != kSymbols.end();
    if (is_name("in")) return true;
    return is_name("not") && peek(1).kind == TokenKind::name && peek(1).text == "in";
  }

  NodePtr sum() {
    return chain([&] { return concatenation(); }, [&] { return is_symbol("+") || is_symbol("-"); });
  }
  NodePtr concatenation() {
    return chain([&] { return product(); }, [&] { return is_symbol("~"); });
  }
  NodePtr product() {
    return chain([&] { return unary(true); },
                 [&] { return is_symbol("*") || is_symbol("/") || is_symbol("//") || is_symbol("%"); });
  }
  NodePtr unary(bool with_filters) {
    const Level level(*this);
    NodePtr node;
    if (is_symbol("-") || is_symbol("+")) {
      const std::string op = next().text;
      node = make(NodeKind::unary, op, unary(false));
    } else {
      node = postfix(primary());
      if (take_symbol("**")) node = make(NodeKind::binary, "**", std::move(node), unary(false));
    }
    return with_filters ? filters(std::move(node)) : std::move(node);
  }

  NodePtr primary() {
    const Token token = next();
    NodePtr node;
    switch (token.kind) {
      case TokenKind::name:
        node = name_or_constant(token);
        break;
      case TokenKind::string: {
        std::string text = token.text;
        while (peek().kind == TokenKind::string) text += next().text;
        node = constant(Value(std::move(text)));
        break;
      }
      case TokenKind::integer:
        node = constant(integer(token));
        break;
      case TokenKind::real:
        node = constant(Value(std::strtod(token.text.c_str(), nullptr)));
        break;
      case TokenKind::symbol:
        if (token.text == "(") return parenthesis();
        if (token.text == "[") return list();
        if (token.text == "{") return dict();
        [[fallthrough]];
      default:
        at_--;
        error(fmt::format("unexpected '{}'", shown()));
    }
    node->at = token.at;
    return node;
  }

  Value integer(const Token& token) const {
    int64_t value = 0;
    const char* end = token.text.data() + token.text.size();
    if (std::from_chars(token.text.data(), end, value).ec != std::errc()) error("an integer is too large");
    return value;
  }

  NodePtr constant(Value value) {
    NodePtr node = make(NodeKind::constant);
    node->value = std::move(value);
    return node;
  }

  NodePtr name_or_constant(const Token& token) {
    if (token.text == "true" || token.text == "True") return constant(true);
    if (token.text == "false" || token.text == "False") return constant(false);
    if (token.text == "none" || token.text == "None") return constant(Value());
    return make(NodeKind::name, token.text);
  }

  NodePtr parenthesis() {
    const Level level(*this);
    if (take_symbol(")")) return make(NodeKind::tuple);
    NodePtr inner = tuple_or_expression();
    expect_symbol(")");
    return inner;
  }

  NodePtr list() {
    NodePtr node = make(NodeKind::list);
    while (!is_symbol("]")) {
      if (!node->kids.empty()) expect_symbol(",");
      if (is_symbol("]")) break;
      node->kids.push_back(expression());
    }
    expect_symbol("]");
    return node;
  }

  NodePtr dict() {
    NodePtr node = make(NodeKind::dict);
    while (!is_symbol("}")) {
      if (!node->kids.empty()) expect_symbol(",");
      if (is_symbol("}")) break;
      node->kids.push_back(expression());
      expect_symbol(":");
      node->kids.push_back(expression());
    }
    expect_symbol("}");
    return node;
  }

  void arguments(Node& node) {
    expect_symbol("(");
    bool first = true;
    while (!is_symbol(")")) {
      if (!first) expect_symbol(",");
      if (is_symbol(")")) break;
      first = false;
      std::string name;
      if (is_symbol("*") || is_symbol("**")) {
        name = next().text;
      } else if (peek().kind == TokenKind::name && peek(1).kind == TokenKind::symbol && peek(1).text == "=") {
        name = next().text;
        at_++;
      } else if (std::ranges::any_of(node.names, [](const std::string& n) { return !n.empty() && n != "*"; })) {
        error("a positional argument follows a keyword argument");
      }
      node.names.push_back(name);
      node.kids.push_back(expression());
    }
    expect_symbol(")");
  }

  NodePtr postfix(NodePtr node) {
    uint32_t n = 0;
    for (;;) {
      if (++n > kMaxDepth)
        fail_limit(fmt::format("an expression is nested more than {} deep at line {}", kMaxDepth, peek().at.line));
      if (take_symbol(".")) {
        if (peek().kind == TokenKind::integer) {
          NodePtr index = constant(integer(next()));
          node = make(NodeKind::item, "", std::move(node), std::move(index));
        } else {
          node = make(NodeKind::attribute, any_name(), std::move(node));
        }
      } else if (take_symbol("[")) {
        node = subscript(std::move(node));
      } else if (is_symbol("(")) {
        node = make(NodeKind::call, "", std::move(node));
        arguments(*node);
      } else {
        return node;
      }
    }
  }

  NodePtr subscript(NodePtr object) {
    NodePtr parts[3];
    size_t n_colons = 0;
    while (!is_symbol("]")) {
      if (take_symbol(":")) {
        if (++n_colons > 2) error("too many ':' in a slice");
      } else if (parts[n_colons]) {
        error(fmt::format("expected ']', got '{}'", shown()));
      } else {
        parts[n_colons] = n_colons == 0 ? tuple_or_expression() : expression();
      }
    }
    expect_symbol("]");
    if (n_colons == 0) {
      if (!parts[0]) error("expected an index");
      return make(NodeKind::item, "", std::move(object), std::move(parts[0]));
    }
    return make(NodeKind::slice, "", std::move(object), std::move(parts[0]), std::move(parts[1]), std::move(parts[2]));
  }

  NodePtr one_filter(NodePtr operand) {
    std::string name = any_name();
    while (take_symbol(".")) name += "." + any_name();
    NodePtr node = make(NodeKind::filter, name, std::move(operand));
    if (is_symbol("(")) arguments(*node);
    return node;
  }

  // `| filter` and `is test`, in any order.
  NodePtr filters(NodePtr node) {
    uint32_t n = 0;
    for (;;) {
      if (++n > kMaxDepth)
        fail_limit(fmt::format("more than {} filters in a row at line {}", kMaxDepth, peek().at.line));
      if (take_symbol("|")) {
        node = one_filter(std::move(node));
      } else if (take_name("is")) {
        node = test(std::move(node));
      } else if (is_symbol("(")) {
        node = make(NodeKind::call, "", std::move(node));
        arguments(*node);
      } else {
        return node;
      }
    }
  }

  NodePtr test(NodePtr operand) {
    const bool negated = take_name("not");
    NodePtr node = make(NodeKind::test, any_name(), std::move(operand));
    const bool word = peek().kind == TokenKind::name && !is_name("else") && !is_name("or") && !is_name("and") &&
                      !is_name("is") && !is_name("if") && !is_name("not") && !is_name("in") && !is_name("recursive");
    if (is_symbol("(")) {
      arguments(*node);
    } else if (word || peek().kind == TokenKind::string || peek().kind == TokenKind::integer ||
               peek().kind == TokenKind::real || is_symbol("[") || is_symbol("{")) {
      node->names.emplace_back();
      node->kids.push_back(postfix(primary()));
    }
    return negated ? make(NodeKind::unary, "not", std::move(node)) : std::move(node);
  }

  std::vector<Token> tokens_;
  size_t at_ = 0;
  uint32_t depth_ = 0;
  uint32_t loops_ = 0;
};

}  // namespace

NodePtr parse_template(std::string_view source) {
  return Parser(tokenize(source)).run();
}

}  // namespace quipu::chat_template
