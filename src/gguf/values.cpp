// File: metadata as the types that callers want, and as text.
#include <fmt/format.h>

#include <algorithm>
#include <concepts>
#include <type_traits>

#include "gguf/cursor.h"
#include "gguf/gguf.h"
#include "gguf/printable.h"
#include "gguf/scalar.h"
#include "gguf/state.h"

namespace quipu::gguf {
namespace {

std::string_view type_name(ValueType type) {
  constexpr std::string_view kNames[] = {"u8",   "i8",     "u16",   "i16", "u32", "i32", "f32",
                                         "bool", "string", "array", "u64", "i64", "f64"};
  return kNames[static_cast<size_t>(type)];
}

// What a caller may ask for, in words.
template <typename T>
std::string_view wanted_name() {
  if constexpr (std::same_as<T, bool>) return "a boolean";
  if constexpr (std::same_as<T, std::string_view>) return "a string";
  if constexpr (std::floating_point<T>) return "a number";
  if constexpr (std::unsigned_integral<T>) return sizeof(T) == 4 ? "an integer from 0 to 2^32-1" : "an integer from 0";
  return sizeof(T) == 4 ? "an integer from -2^31 to 2^31-1" : "an integer below 2^63";
}

std::string_view as_text(std::span<const std::byte> bytes) {
  return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

template <typename T>
std::optional<T> scalar_of(const Value& value) {
  if constexpr (std::same_as<T, std::string_view>) {
    if (value.type != ValueType::string) return std::nullopt;
    return as_text(value.bytes);
  } else {
    if (fixed_size(value.type) == 0) return std::nullopt;
    return scalar_at<T>(value.type, value.bytes.data());
  }
}

std::string scalar_text(ValueType type, const std::byte* bytes) {
  if (const auto truth = scalar_at<bool>(type, bytes)) return *truth ? "true" : "false";
  if (type == ValueType::f32) return fmt::format("{}", *scalar_at<float>(type, bytes));
  if (const auto number = scalar_at<int64_t>(type, bytes)) return fmt::format("{}", *number);
  if (const auto number = scalar_at<uint64_t>(type, bytes)) return fmt::format("{}", *number);
  if (const auto number = scalar_at<double>(type, bytes)) return fmt::format("{}", *number);
  return "?";  // a byte of a boolean array that is neither 0 nor 1
}

// Appends the elements until `text` has max_chars. The recursion is as deep as the reader lets arrays nest.
void append_array(ValueType element, uint64_t count, Cursor& cursor, size_t max_chars, std::string& text) {
  text += fmt::format("{}[{}] [", type_name(element), count);
  for (uint64_t i = 0; i < count; ++i) {
    if (i > 0) text += ", ";
    if (text.size() >= max_chars) {
      text += "...";
      break;
    }
    if (element == ValueType::string) {
      text += in_quotes(*cursor.string(), max_chars - text.size());
    } else if (element == ValueType::array) {
      const auto inner = static_cast<ValueType>(*cursor.number<uint32_t>());
      const uint64_t inner_count = *cursor.number<uint64_t>();
      append_array(inner, inner_count, cursor, max_chars, text);
    } else {
      text += scalar_text(element, cursor.take(fixed_size(element))->data());
    }
  }
  text += "]";
}

}  // namespace

template <typename T>
Result<std::optional<T>> File::get(std::string_view key) const {
  const Entry* entry = state_->directory.find(key);
  if (entry == nullptr) return std::optional<T>();
  const auto found = scalar_of<T>(entry->value);
  if (found) return found;
  return invalid_input("{}: key {} at byte {} is {} of type {}, not {}", name(), in_quotes(key), entry->offset,
                       describe(key, 40), type_name(entry->value.type), wanted_name<T>());
}

template <typename T>
Result<T> File::require(std::string_view key) const {
  QUIPU_TRY(const auto found, get<T>(key));
  if (!found) return error_of(ErrorKind::invalid_input, "{}: key {} is missing", name(), in_quotes(key));
  return *found;
}

template <typename T>
Result<std::optional<std::vector<T>>> File::get_array(std::string_view key) const {
  const Entry* entry = state_->directory.find(key);
  if (entry == nullptr) return std::optional<std::vector<T>>();
  const Value& value = entry->value;
  constexpr bool kStrings = std::same_as<T, std::string_view>;
  const bool fits = value.type == ValueType::array &&
                    (kStrings ? value.element == ValueType::string : fixed_size(value.element) != 0);
  const auto wrong_element = [&](uint64_t i) {
    return invalid_input("{}: key {} at byte {}: element {} is not {}", name(), in_quotes(key), entry->offset, i,
                         wanted_name<T>());
  };
  if (!fits) {
    return invalid_input("{}: key {} at byte {} is of type {}, not an array of which each is {}", name(),
                         in_quotes(key), entry->offset,
                         value.type == ValueType::array ? "array of " + std::string(type_name(value.element))
                                                        : std::string(type_name(value.type)),
                         wanted_name<T>());
  }
  std::vector<T> elements;
  elements.reserve(value.count);
  Cursor cursor(value.bytes);
  for (uint64_t i = 0; i < value.count; ++i) {
    if constexpr (kStrings) {
      elements.push_back(*cursor.string());
    } else {
      const auto element = scalar_at<T>(value.element, cursor.take(fixed_size(value.element))->data());
      if (!element) return wrong_element(i);
      elements.push_back(*element);
    }
  }
  return std::optional(std::move(elements));
}

std::string File::describe(std::string_view key, size_t max_chars) const {
  const Value* value = find_value(key);
  if (value == nullptr) return "";
  if (value->type == ValueType::string) return in_quotes(as_text(value->bytes), max_chars);
  if (value->type != ValueType::array) return scalar_text(value->type, value->bytes.data());
  std::string text;
  Cursor cursor(value->bytes);
  append_array(value->element, value->count, cursor, max_chars, text);
  return text;
}

// NOLINTBEGIN(bugprone-macro-parentheses): a type cannot stand in parentheses here.
#define QUIPU_FILE_GETTERS(T)                                             \
  template Result<std::optional<T>> File::get<T>(std::string_view) const; \
  template Result<T> File::require<T>(std::string_view) const;            \
  template Result<std::optional<std::vector<T>>> File::get_array<T>(std::string_view) const;
QUIPU_FILE_GETTERS(uint32_t)
QUIPU_FILE_GETTERS(int32_t)
QUIPU_FILE_GETTERS(uint64_t)
QUIPU_FILE_GETTERS(int64_t)
QUIPU_FILE_GETTERS(float)
QUIPU_FILE_GETTERS(double)
QUIPU_FILE_GETTERS(bool)
QUIPU_FILE_GETTERS(std::string_view)
#undef QUIPU_FILE_GETTERS
// NOLINTEND(bugprone-macro-parentheses)

}  // namespace quipu::gguf
