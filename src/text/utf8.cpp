#include "text/utf8.h"

#include <cstring>

namespace quipu::text {

namespace {

// What the lead byte promises: the character's size and the range of the second byte (Table 3-7).
struct Lead {
  uint32_t size;  // 0: no character begins with this byte
  unsigned char second_min, second_max;
};

Lead lead_of(unsigned char byte) {
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte == 0xE0) return {3, 0xA0, 0xBF};
  if (byte == 0xED) return {3, 0x80, 0x9F};
  if (byte < 0xF0) return {3, 0x80, 0xBF};
  if (byte == 0xF0) return {4, 0x90, 0xBF};
  if (byte < 0xF4) return {4, 0x80, 0xBF};
  if (byte == 0xF4) return {4, 0x80, 0x8F};
  return {0, 0, 0};
}

// The number of bytes from `position` on that begin one character, whole (`size` of its lead) or not.
uint32_t well_formed_prefix(std::string_view text, size_t position, const Lead& lead) {
  uint32_t n = 1;
  for (; n < lead.size && position + n < text.size(); ++n) {
    const auto byte = static_cast<unsigned char>(text[position + n]);
    const bool fits = n == 1 ? byte >= lead.second_min && byte <= lead.second_max : (byte & 0xC0) == 0x80;
    if (!fits) break;
  }
  return n;
}

}  // namespace

Decoded detail::decode_multibyte(std::string_view text, size_t position) {
  const auto first = static_cast<unsigned char>(text[position]);
  const Lead lead = lead_of(first);
  const uint32_t n = well_formed_prefix(text, position, lead);
  if (lead.size == 0 || n < lead.size) return {kReplacement, n, false};
  char32_t code_point = first & (0x7Fu >> lead.size);
  for (uint32_t i = 1; i < n; ++i) {
    code_point = code_point << 6 | (static_cast<unsigned char>(text[position + i]) & 0x3Fu);
  }
  return {code_point, n, true};
}

void append_utf8(std::string& out, char32_t code_point) {
  if (code_point > 0x10FFFF || (code_point >= 0xD800 && code_point < 0xE000)) code_point = kReplacement;
  if (code_point < 0x80) {
    out += static_cast<char>(code_point);
    return;
  }
  const int n_trailing = code_point < 0x800 ? 1 : code_point < 0x10000 ? 2 : 3;
  const unsigned lead_mark = 0xFF00u >> (n_trailing + 1) & 0xFFu;  // 110xxxxx, 1110xxxx, 11110xxx
  out += static_cast<char>(lead_mark | code_point >> (6 * n_trailing));
  for (int i = n_trailing - 1; i >= 0; --i) out += static_cast<char>(0x80u | (code_point >> (6 * i) & 0x3Fu));
}

std::optional<size_t> first_invalid(std::string_view text) {
  size_t i = 0;
  while (i < text.size()) {
    uint64_t word = 0;
    if (i + sizeof word <= text.size()) {
      std::memcpy(&word, text.data() + i, sizeof word);
      if ((word & 0x8080808080808080u) == 0) {
        i += sizeof word;
        continue;
      }
    }
    const Decoded character = decode_at(text, i);
    if (!character.valid) return i;
    i += character.size;
  }
  return std::nullopt;
}

std::string replace_invalid(std::string_view text) {
  std::string out;
  out.reserve(text.size());
  while (!text.empty()) {
    const size_t n_valid = first_invalid(text).value_or(text.size());
    out += text.substr(0, n_valid);
    text.remove_prefix(n_valid);
    if (text.empty()) break;
    append_utf8(out, kReplacement);
    text.remove_prefix(decode_at(text, 0).size);
  }
  return out;
}

size_t incomplete_suffix_size(std::string_view text) {
  for (size_t n = 1; n <= 3 && n <= text.size(); ++n) {
    const size_t position = text.size() - n;
    const auto byte = static_cast<unsigned char>(text[position]);
    if ((byte & 0xC0) == 0x80) continue;
    const Lead lead = lead_of(byte);
    return lead.size > n && well_formed_prefix(text, position, lead) == n ? n : 0;
  }
  return 0;
}

bool Utf8Validator::push(std::string_view piece) {
  if (failed_) return false;
  while (size_ > 0 && !piece.empty()) {
    pending_[size_++] = piece[0];
    piece.remove_prefix(1);
    const std::string_view pending(pending_, size_);
    if (decode_at(pending, 0).valid) {
      size_ = 0;
    } else if (incomplete_suffix_size(pending) != size_) {
      failed_ = true;
      return false;
    }
  }
  const size_t n_incomplete = incomplete_suffix_size(piece);
  if (!is_valid_utf8(piece.substr(0, piece.size() - n_incomplete))) {
    failed_ = true;
    return false;
  }
  if (n_incomplete > 0) {
    std::memcpy(pending_, piece.data() + piece.size() - n_incomplete, n_incomplete);
    size_ = n_incomplete;
  }
  return true;
}

}  // namespace quipu::text
