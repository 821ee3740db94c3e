// UTF-8, strictly as the Unicode Standard's Table 3-7 says: no overlong forms, no surrogates, nothing above U+10FFFF.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace quipu::text {

inline constexpr char32_t kReplacement = 0xFFFD;

struct Decoded {
  char32_t code_point;  // kReplacement if not valid
  uint32_t size;        // bytes read, at least 1
  bool valid;
};

namespace detail {
Decoded decode_multibyte(std::string_view text, size_t position);
}

// The character that begins at `position` < text.size(). Where none does, `size` is that of the maximal subpart of an
// ill-formed sequence (Unicode 3.9, "U+FFFD Substitution of Maximal Subparts"): the bytes to replace by one U+FFFD.
inline Decoded decode_at(std::string_view text, size_t position) {
  const auto lead = static_cast<unsigned char>(text[position]);
  if (lead < 0x80) return {lead, 1, true};
  return detail::decode_multibyte(text, position);
}

// Appends a code point; a surrogate or a number above U+10FFFF as U+FFFD.
void append_utf8(std::string& out, char32_t code_point);

// The offset of the first byte that is no part of a well-formed character; nothing if the text is valid.
std::optional<size_t> first_invalid(std::string_view text);
inline bool is_valid_utf8(std::string_view text) {
  return !first_invalid(text).has_value();
}

// The text with each maximal ill-formed subpart replaced by U+FFFD.
std::string replace_invalid(std::string_view text);

// How many bytes at the end (0 to 3) begin a character that further bytes could complete.
size_t incomplete_suffix_size(std::string_view text);

// Validates text that comes in pieces of any size, in constant memory.
class Utf8Validator {
 public:
  // False from the first ill-formed byte on.
  bool push(std::string_view piece);
  // True if all that came is well-formed and ends with a whole character.
  [[nodiscard]] bool complete() const { return !failed_ && size_ == 0; }

 private:
  char pending_[4] = {};
  size_t size_ = 0;
  bool failed_ = false;
};

}  // namespace quipu::text
