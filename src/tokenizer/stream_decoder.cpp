#include "text/utf8.h"
#include "tokenizer/tokenizer.h"

namespace quipu::tokenizer {

StreamDecoder::StreamDecoder(Tokenizer tokenizer, bool special) : tokenizer_(std::move(tokenizer)), special_(special) {}

std::string StreamDecoder::push(Token token) {
  pending_ += tokenizer_.bytes(token, special_);
  const size_t n_whole = pending_.size() - text::incomplete_suffix_size(pending_);
  std::string whole = text::replace_invalid(std::string_view(pending_).substr(0, n_whole));
  pending_.erase(0, n_whole);
  return whole;
}

std::string StreamDecoder::finish() {
  std::string rest = text::replace_invalid(pending_);
  pending_.clear();
  return rest;
}

}  // namespace quipu::tokenizer
