// SentencePiece writes a space as "▁" (U+2581). Here tokens and text are kept with plain spaces, and a "▁" that stands
// in a text is a space too, as it is to SentencePiece.
#pragma once

#include <string>
#include <string_view>

namespace quipu::tokenizer {

inline constexpr std::string_view kEscapedSpace = "\xE2\x96\x81";

// Replaces each "▁" from `begin` on by a space.
inline void unescape_spaces(std::string& text, size_t begin) {
  size_t found = text.find(kEscapedSpace, begin);
  if (found == std::string::npos) return;
  size_t out = found;
  for (size_t in = found; in < text.size();) {
    if (in == found) {
      text[out++] = ' ';
      in += kEscapedSpace.size();
      found = text.find(kEscapedSpace, in);
    } else {
      text[out++] = text[in++];
    }
  }
  text.resize(out);
}

}  // namespace quipu::tokenizer
