// Bytes from a file as text that is safe to show.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace quipu::gguf {

// `bytes` between single quotes. Well-formed UTF-8 stays as it is; control characters, quotes, backslashes and bytes
// that are no UTF-8 become \xNN. After about `max_chars` it ends in "...".
std::string in_quotes(std::string_view bytes, size_t max_chars = 80);

}  // namespace quipu::gguf
