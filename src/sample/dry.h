// DRY, "don't repeat yourself" (p-e-w, text-generation-webui pull request 5677): a token that would extend the end of
// the text into a longer repetition of something said before is penalised, exponentially in the repetition's length.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sample/candidates.h"
#include "sample/history.h"

namespace quipu::sample {

struct DryParams {
  float multiplier = 0.0f;  // 0: off
  float base = 1.75f;
  int32_t allowed_length = 2;
  int32_t last_n = -1;  // 0: off, -1: all
  std::vector<std::string> sequence_breakers;

  [[nodiscard]] bool active() const { return multiplier != 0.0f && last_n != 0; }
};

// Let L be the length of the longest match of the text's end with what stood before an earlier occurrence of token t.
// If L >= allowed_length: logit(t) -= multiplier * base^(L - allowed_length). A match does not reach back across a
// token in which a sequence breaker ends (found in the tokens' bytes, so it may span tokens), and tokens that contain
// a breaker are never penalised.
class Dry {
 public:
  using BytesOfToken = std::function<std::string_view(Token)>;

  Dry(DryParams params, int32_t n_vocab, BytesOfToken bytes);

  void apply(Candidates& candidates);
  // `token` must be below n_vocab.
  void accept(Token token);
  void reset();

 private:
  [[nodiscard]] bool ends_breaker(std::string_view text, size_t n_before) const;
  void find_matches(std::span<const Token> text, size_t limit);

  DryParams params_;
  BytesOfToken bytes_;
  float largest_exponent_ = 0.0f;
  size_t longest_breaker_ = 0;
  History<Token> history_;
  size_t n_since_breaker_ = 0;     // tokens at the end of the text in which no breaker ends
  std::string tail_;               // the last longest_breaker_ - 1 bytes of the text
  std::vector<uint32_t> match_;    // by position of `text` from its end: length of the match there
  std::vector<uint32_t> longest_;  // by token, plus one: 0 means no match; zero outside apply()
  std::vector<Token> repeated_;
};

}  // namespace quipu::sample
