#include "platform/line_of_input.h"

#include <cstdio>

namespace quipu::platform {

// By <cstdio>, since <iostream> brings all locales into the program: 300 KB.
std::optional<std::string> line_of_input() {
  std::string line;
  int c = std::getc(stdin);
  if (c == EOF) return std::nullopt;
  for (; c != EOF && c != '\n'; c = std::getc(stdin)) line += static_cast<char>(c);
  return line;
}

}  // namespace quipu::platform
