#include "pack/args.h"

#include <algorithm>

namespace quipu::pack {
namespace {

bool is_space(char c) {
  return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\v' || c == '\f';
}
bool starts_name(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}
bool continues_name(char c) {
  return starts_name(c) || (c >= '0' && c <= '9');
}

class ArgsParser {
 public:
  ArgsParser(std::string_view text, const Environment& environment) : text_(text), environment_(environment) {}

  Result<DefaultArgs> run() {
    if (text_.find('\0') != text_.npos) return invalid_input(".args: holds a NUL byte");
    if (text_.starts_with("\xEF\xBB\xBF")) at_ = 3;  // a byte order mark
    while (skip_to_word()) QUIPU_CHECK_OK(word());
    return std::move(args_);
  }

 private:
  [[nodiscard]] Error error_at(size_t at, std::string_view what) const {
    const auto before = text_.substr(0, at);
    return invalid_input(".args, line {}: {}", std::count(before.begin(), before.end(), '\n') + 1, what);
  }

  bool skip_to_word() {
    while (at_ < text_.size()) {
      if (is_space(text_[at_])) {
        ++at_;
      } else if (text_[at_] == '#') {
        at_ = std::min(text_.find('\n', at_), text_.size());
      } else {
        return true;
      }
    }
    return false;
  }

  Status word() {
    const size_t begin = at_;
    current_.clear();
    quoted_ = false;
    while (at_ < text_.size() && !is_space(text_[at_])) {
      const char c = text_[at_];
      if (c == '\'') {
        QUIPU_CHECK_OK(single_quoted());
      } else if (c == '"') {
        QUIPU_CHECK_OK(double_quoted());
      } else if (c == '$') {
        QUIPU_CHECK_OK(variable());
      } else if (c == '\\') {
        backslash();
      } else {
        current_ += c;
        ++at_;
      }
    }
    if (text_.substr(begin, at_ - begin) == "...") {
      if (args_.user_args_at) return error_at(begin, "a second '...'");
      args_.user_args_at = args_.words.size();
    } else if (quoted_ || !current_.empty()) {
      args_.words.push_back(current_);
    }
    return {};
  }

  Status single_quoted() {
    const size_t end = text_.find('\'', at_ + 1);
    if (end == text_.npos) return error_at(at_, "a ' without its end");
    current_ += text_.substr(at_ + 1, end - at_ - 1);
    at_ = end + 1;
    quoted_ = true;
    return {};
  }

  Status double_quoted() {
    const size_t begin = at_++;
    quoted_ = true;
    while (at_ < text_.size() && text_[at_] != '"') {
      if (text_[at_] == '$') {
        QUIPU_CHECK_OK(variable());
      } else if (text_[at_] == '\\' && at_ + 1 < text_.size() &&
                 std::string_view("\"\\$`\n").find(text_[at_ + 1]) != std::string_view::npos) {
        backslash();
      } else {
        current_ += text_[at_++];
      }
    }
    if (at_ == text_.size()) return error_at(begin, "a \" without its end");
    ++at_;
    return {};
  }

  void backslash() {
    if (at_ + 1 == text_.size()) {
      current_ += '\\';
      ++at_;
      return;
    }
    if (text_[at_ + 1] != '\n') {  // an escaped end of line joins two lines
      current_ += text_[at_ + 1];
      quoted_ = true;
    }
    at_ += 2;
  }

  Status variable() {
    size_t begin = at_ + 1;
    const bool braces = begin < text_.size() && text_[begin] == '{';
    if (braces) ++begin;
    size_t end = begin;
    if (end < text_.size() && starts_name(text_[end])) {
      while (end < text_.size() && continues_name(text_[end])) ++end;
    }
    if (braces && (end == begin || end == text_.size() || text_[end] != '}')) {
      return error_at(at_, "a ${ that is no ${NAME}");
    }
    if (end == begin) {  // a lonely dollar
      current_ += '$';
      ++at_;
      return {};
    }
    current_ += environment_(std::string(text_.substr(begin, end - begin))).value_or("");
    at_ = braces ? end + 1 : end;
    return {};
  }

  std::string_view text_;
  const Environment& environment_;
  size_t at_ = 0;
  std::string current_;
  bool quoted_ = false;  // an empty word counts only if quotes made it
  DefaultArgs args_;
};

}  // namespace

std::vector<std::string> DefaultArgs::merge(const std::vector<std::string>& user_args) const {
  std::vector<std::string> all = words;
  const auto at = all.begin() + static_cast<std::ptrdiff_t>(user_args_at.value_or(words.size()));
  all.insert(at, user_args.begin(), user_args.end());
  return all;
}

Result<DefaultArgs> parse_args(std::string_view text, const Environment& environment) {
  return ArgsParser(text, environment).run();
}

}  // namespace quipu::pack
