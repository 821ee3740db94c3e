// Any bytes as GBNF. What compiles is followed by the mask; each token of the mask must be taken, no other one may be.
#include <cstdlib>
#include <string_view>
#include <vector>

#include "grammar/matcher.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::grammar;
  if (size < 8) return 0;
  const std::string_view choices(reinterpret_cast<const char*>(data), 8);
  const auto grammar = Grammar::from_gbnf({reinterpret_cast<const char*>(data) + 8, size - 8});
  if (!grammar.ok()) return 0;
  static const auto trie = [] {
    const std::vector<std::string_view> tokens{"a", "b", "ab",  "\"",       "(",    ")",    "((", "))",
                                               " ", "1", "12",  "\n",       ",",    "[",    "]",  "{",
                                               "}", "x", "aaa", "\xc3\xa4", "\xc3", "\xa4", "",   "-"};
    const std::vector<Token> end{22};
    return std::make_shared<const TokenTrie>(tokens, end);
  }();
  Matcher matcher(*grammar, trie);
  for (const char choice : choices) {
    std::vector<uint32_t> mask(1);
    if (!matcher.fill_mask(mask).ok()) break;
    std::vector<Token> allowed;
    for (Token t = 0; t < static_cast<Token>(trie->n_vocab()); ++t) {
      const bool in_mask = ((mask[0] >> t) & 1u) != 0;
      if (matcher.clone().accept(t) != in_mask) std::abort();
      if (in_mask) allowed.push_back(t);
    }
    matcher.accept(allowed[static_cast<uint8_t>(choice) % allowed.size()]);
    if (matcher.is_finished()) break;
  }
  return 0;
}
