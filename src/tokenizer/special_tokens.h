// Finds tokens that stand in a text as a whole ("<|im_start|>") before anything else looks at it.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "tokenizer/token_table.h"

namespace quipu::tokenizer {

class SpecialTokens {
 public:
  // What may stand beside a special token and belongs to it: white space that is dropped (Hugging Face's `lstrip` and
  // `rstrip`).
  struct Strip {
    bool left = false, right = false;
  };

  // All control, unknown and user-defined tokens. `model_name`: GGUF does not carry Strip, so that of the models that
  // are known to have it goes by their name, as in llama.cpp. Error: a token longer than kMaxSize.
  static Result<SpecialTokens> build(const TokenTable& table, std::string_view model_name);

  struct Match {
    size_t begin, end;  // of the token's text
    Token token;
    Strip strip;
  };
  // The first occurrence from `position` on, the longest of those that begin at the same place. Control and unknown
  // tokens count only if `parse_special`.
  [[nodiscard]] std::optional<Match> find(std::string_view text, size_t position, bool parse_special) const;

  // The special token with exactly this text; kNoToken (-1) if there is none.
  [[nodiscard]] Token find_exact(std::string_view text) const;

  // Bounds the work at each position of a text. The longest known in a real vocabulary has 60 bytes.
  static constexpr size_t kMaxSize = 256;

 private:
  struct Node {
    uint32_t first_edge = 0, n_edges = 0;
    Token token = -1;
    bool user_defined = false;
    Strip strip;
  };
  struct Edge {
    unsigned char byte;
    uint32_t node;
  };
  struct Text {
    std::string_view bytes;
    Token token;
  };

  [[nodiscard]] const Node* step(const Node& node, unsigned char byte) const;

  std::vector<Node> nodes_;  // a trie; nodes_[0] is the root
  std::vector<Edge> edges_;  // of each node together, by byte
  std::array<bool, 256> starts_{}, starts_user_defined_{};
  bool any_user_defined_ = false;
};

}  // namespace quipu::tokenizer
