// A value or the reason why there is none. Used for everything that input can cause; our own mistakes abort (check.h).
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <string>
#include <utility>
#include <variant>

namespace quipu {

// What kind of thing went wrong: decides exit codes and HTTP statuses, never the text.
enum class ErrorKind : uint8_t {
  invalid_input,   // the bytes, flags or request that somebody gave are wrong
  not_found,       // a file, key, model or entry that was named does not exist
  io,              // the system could not read or write
  out_of_memory,   // not enough memory: the message says how much is needed and how much there is
  unsupported,     // valid, but this program or machine cannot do it
  limit_exceeded,  // a limit on time, depth, size or steps was reached
  cancelled,       // the caller asked to stop
  busy,            // full or shutting down; the same may be accepted later
};

// `message` says what was wrong, where (file, key, byte offset, JSON path) and, where there is one, the way out.
// One line, no trailing full stop, no program name in front.
struct Error {
  ErrorKind kind = ErrorKind::invalid_input;
  std::string message;

  // The same error with `context + ": "` in front.
  [[nodiscard]] Error within(std::string_view context) const { return {kind, fmt::format("{}: {}", context, message)}; }
};

// Shorthand: `return invalid_input("key '{}' is missing", key);`
template <typename... Args>
Error invalid_input(fmt::format_string<Args...> format, Args&&... args) {
  return {ErrorKind::invalid_input, fmt::format(format, std::forward<Args>(args)...)};
}
template <typename... Args>
Error error_of(ErrorKind kind, fmt::format_string<Args...> format, Args&&... args) {
  return {kind, fmt::format(format, std::forward<Args>(args)...)};
}

namespace detail {
[[noreturn]] void abort_on_bad_access(const char* message);
}

// Holds either a T or an Error. Reading the side that is not there is our own mistake and aborts.
template <typename T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}      // NOLINT(google-explicit-constructor)
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  T& value() & { return require_value(), *std::get_if<0>(&state_); }
  const T& value() const& { return require_value(), *std::get_if<0>(&state_); }
  T&& value() && { return require_value(), std::move(*std::get_if<0>(&state_)); }
  T& operator*() & { return value(); }
  const T& operator*() const& { return value(); }
  T&& operator*() && { return std::move(*this).value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const {
    if (ok()) detail::abort_on_bad_access("Result::error() of a value");
    return *std::get_if<1>(&state_);
  }

 private:
  void require_value() const {
    if (!ok()) detail::abort_on_bad_access(std::get_if<1>(&state_)->message.c_str());
  }
  std::variant<T, Error> state_;
};

// Success without a value: `return Status{};`
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}  // NOLINT(google-explicit-constructor)

  [[nodiscard]] bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    if (ok()) detail::abort_on_bad_access("Status::error() of a success");
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};
using Status = Result<void>;

// `QUIPU_TRY(auto x, f());` declares x with f's value, or returns f's error from the enclosing function.
#define QUIPU_CONCAT_INNER(a, b) a##b
#define QUIPU_CONCAT(a, b) QUIPU_CONCAT_INNER(a, b)
// NOLINTBEGIN(bugprone-macro-parentheses): a declaration cannot stand in parentheses.
#define QUIPU_TRY(declaration, expression) \
  QUIPU_TRY_INNER(QUIPU_CONCAT(quipu_result_, __LINE__), declaration, expression)
#define QUIPU_TRY_INNER(temporary, declaration, expression) \
  auto temporary = (expression);                            \
  if (!temporary.ok()) return temporary.error();            \
  declaration = std::move(temporary).value()
// NOLINTEND(bugprone-macro-parentheses)
// `QUIPU_CHECK_OK(f());` returns f's error from the enclosing function, if it has one.
#define QUIPU_CHECK_OK(expression)                                                                \
  do {                                                                                            \
    if (const auto& quipu_status = (expression); !quipu_status.ok()) return quipu_status.error(); \
  } while (false)

}  // namespace quipu
