// GPT-2's byte alphabet: byte-level vocabularies write each byte as one printable character, so that tokens are text.
// Bytes that are printable in Latin-1 stand for themselves, the 68 others for U+0100 to U+0143 in order ("Ġ" is the
// space). Source: Radford et al., "Language Models are Unsupervised Multitask Learners" (2019), released encoder.py.
#pragma once

#include <optional>
#include <string_view>

namespace quipu::tokenizer {

// Writes the bytes that `text` stands for to `out`, which must have room for text.size() of them, and returns their
// number. Nothing if a character is not of the alphabet.
std::optional<size_t> decode_byte_alphabet(std::string_view text, char* out);

}  // namespace quipu::tokenizer
