// The bytes of a vocabulary's tokens as a trie, in the order in which a depth-first walk meets them.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace quipu::grammar {

using Token = int32_t;

// Immutable after construction; from any thread.
class TokenTrie {
 public:
  // `bytes[t]` are those of token t; a token without bytes (control tokens, which no text contains) is never allowed
  // by a grammar. `end_tokens` end an answer: they are allowed where the text may end. The bytes are copied.
  TokenTrie(std::span<const std::string_view> bytes, std::span<const Token> end_tokens);

  [[nodiscard]] size_t n_vocab() const { return bytes_begin_.size() - 1; }
  [[nodiscard]] std::string_view bytes(Token token) const;
  [[nodiscard]] bool is_end(Token token) const;
  [[nodiscard]] std::span<const Token> end_tokens() const { return end_tokens_; }

  // Node 0 is the root: no byte, no token. A node's descendants are the nodes from itself + 1 to before end.
  struct Node {
    uint32_t end;
    uint32_t first_token;  // its tokens: up to the next node's
    uint16_t depth;        // bytes from the root
    uint8_t byte;
  };
  [[nodiscard]] std::span<const Node> nodes() const { return {nodes_.data(), nodes_.size() - 1}; }
  [[nodiscard]] std::span<const Token> tokens(uint32_t node) const {
    return std::span(tokens_).subspan(nodes_[node].first_token,
                                      nodes_[node + 1].first_token - nodes_[node].first_token);
  }

 private:
  std::vector<char> all_bytes_;
  std::vector<uint32_t> bytes_begin_;
  std::vector<Node> nodes_;  // one more at the end, for its first_token
  std::vector<Token> tokens_;
  std::vector<Token> end_tokens_;
};

}  // namespace quipu::grammar
