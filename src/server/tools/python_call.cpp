#include "server/tools/python_call.h"

#include <cctype>
#include <charconv>
#include <cmath>

#include "server/tools/marker.h"
#include "text/utf8.h"

namespace quipu::server {
namespace {

constexpr int kMaxDepth = 32;

class Reader {
 public:
  explicit Reader(std::string_view text) : text_(text) {}

  std::optional<PythonCall> call() {
    PythonCall call;
    skip_space();
    call.name = identifier();
    if (call.name.empty()) return std::nullopt;
    if (take('.') && identifier() != "call") return std::nullopt;
    if (!take('(')) return std::nullopt;
    if (!take(')')) {
      do {
        skip_space();
        const std::string key = identifier();
        if (key.empty() || call.arguments.contains(key) || !take('=')) return std::nullopt;
        auto value = literal(0);
        if (!value) return std::nullopt;
        call.arguments[key] = std::move(*value);
      } while (take(','));
      if (!take(')')) return std::nullopt;
    }
    if (!is_blank(text_)) return std::nullopt;
    return call;
  }

 private:
  void skip_space() { text_.remove_prefix(std::min(text_.find_first_not_of(" \t\r\n"), text_.size())); }

  bool take(char c) {
    skip_space();
    if (!text_.starts_with(c)) return false;
    text_.remove_prefix(1);
    return true;
  }

  std::string identifier() {
    size_t n = 0;
    while (n < text_.size() && (std::isalnum(static_cast<unsigned char>(text_[n])) != 0 || text_[n] == '_')) n++;
    if (n > 0 && std::isdigit(static_cast<unsigned char>(text_[0])) != 0) return {};
    std::string name(text_.substr(0, n));
    text_.remove_prefix(n);
    return name;
  }

  std::optional<Json> literal(int depth) {
    if (depth > kMaxDepth) return std::nullopt;
    skip_space();
    if (text_.empty()) return std::nullopt;
    const char c = text_[0];
    if (c == '"' || c == '\'') {
      auto text = string_literal();
      if (!text) return std::nullopt;
      return Json(std::move(*text));
    }
    if (c == '[' || c == '(') return list(c == '[' ? ']' : ')', depth);
    if (c == '{') return dictionary(depth);
    if (std::isalpha(static_cast<unsigned char>(c)) != 0) {
      const std::string word = identifier();
      if (word == "True" || word == "true") return Json(true);
      if (word == "False" || word == "false") return Json(false);
      if (word == "None" || word == "null") return Json();
      return std::nullopt;
    }
    return number();
  }

  std::optional<Json> list(char close, int depth) {
    Json values = Json::array();
    text_.remove_prefix(1);
    while (!take(close)) {
      auto value = literal(depth + 1);
      if (!value) return std::nullopt;
      values.push_back(std::move(*value));
      if (!take(',') && !text_.starts_with(close)) return std::nullopt;
    }
    return values;
  }

  std::optional<Json> dictionary(int depth) {
    Json values = Json::object();
    text_.remove_prefix(1);
    while (!take('}')) {
      skip_space();
      if (values.size() >= 1000) return std::nullopt;  // looking for a key is linear
      auto key = string_literal();
      if (!key || !take(':')) return std::nullopt;
      auto value = literal(depth + 1);
      if (!value) return std::nullopt;
      values[*key] = std::move(*value);
      if (!take(',') && !text_.starts_with('}')) return std::nullopt;
    }
    return values;
  }

  std::optional<Json> number() {
    size_t n = 0;
    while (n < text_.size() && std::string_view("+-0123456789.eE").find(text_[n]) != std::string_view::npos) n++;
    const std::string_view digits = text_.substr(0, n);
    text_.remove_prefix(n);
    int64_t whole = 0;
    if (const auto [end, code] = std::from_chars(digits.data(), digits.data() + n, whole);
        code == std::errc() && end == digits.data() + n)
      return Json(whole);
    double value = 0;
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + n, value);
    if (n == 0 || code != std::errc() || end != digits.data() + n || !std::isfinite(value)) return std::nullopt;
    return Json(value);
  }

  // Of up to `n` hexadecimal digits.
  std::optional<char32_t> code_point(size_t n) {
    if (text_.size() < n) return std::nullopt;
    uint32_t value = 0;
    const auto [end, code] = std::from_chars(text_.data(), text_.data() + n, value, 16);
    if (code != std::errc() || end != text_.data() + n) return std::nullopt;
    text_.remove_prefix(n);
    return static_cast<char32_t>(value);
  }

  std::optional<std::string> string_literal() {
    if (text_.empty() || (text_[0] != '"' && text_[0] != '\'')) return std::nullopt;
    const char quote = text_[0];
    text_.remove_prefix(1);
    std::string out;
    while (!text_.empty() && text_[0] != quote) {
      const char c = text_[0];
      text_.remove_prefix(1);
      if (c != '\\') {
        out += c;
        continue;
      }
      if (text_.empty()) return std::nullopt;
      const char escaped = text_[0];
      text_.remove_prefix(1);
      constexpr std::string_view kNames = "ntr\\'\"0abfv", kMeaning{"\n\t\r\\'\"\0\a\b\f\v", 11};
      if (escaped == 'x' || escaped == 'u' || escaped == 'U') {
        const auto code = code_point(escaped == 'x' ? 2 : escaped == 'u' ? 4 : 8);
        if (!code) return std::nullopt;
        text::append_utf8(out, *code);
      } else if (const size_t at = kNames.find(escaped); at != std::string_view::npos) {
        out += kMeaning[at];
      } else {
        out += c;
        out += escaped;
      }
    }
    if (text_.empty()) return std::nullopt;
    text_.remove_prefix(1);
    return out;
  }

  std::string_view text_;
};

}  // namespace

std::optional<PythonCall> parse_python_call(std::string_view text) {
  return Reader(text).call();
}

}  // namespace quipu::server
