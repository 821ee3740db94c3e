#include "tokenizer/special_tokens.h"

#include <algorithm>
#include <cctype>

namespace quipu::tokenizer {

namespace {

bool contains_ignoring_case(std::string_view text, std::string_view lower_case_part) {
  const auto equal = [](char a, char b) { return std::tolower(static_cast<unsigned char>(a)) == b; };
  return std::search(text.begin(), text.end(), lower_case_part.begin(), lower_case_part.end(), equal) != text.end();
}

// Phi-3's tokenizer.json sets rstrip on its special tokens but for these three.
SpecialTokens::Strip strip_of(std::string_view text, std::string_view model_name) {
  const bool phi3 = contains_ignoring_case(model_name, "phi-3") || contains_ignoring_case(model_name, "phi3");
  if (!phi3 || text == "<unk>" || text == "<s>" || text == "<|endoftext|>") return {};
  return {false, true};
}

}  // namespace

Result<SpecialTokens> SpecialTokens::build(const TokenTable& table, std::string_view model_name) {
  std::vector<Text> texts;
  for (Token token = 0; table.contains(token); ++token) {
    const TokenType type = table.type(token);
    const bool special = type == TokenType::control || type == TokenType::unknown || type == TokenType::user_defined;
    const std::string_view bytes = table.bytes(token);
    if (!special || bytes.empty()) continue;
    if (bytes.size() > kMaxSize) {
      return error_of(ErrorKind::limit_exceeded, "special token {} has {} bytes; at most {} are supported", token,
                      bytes.size(), kMaxSize);
    }
    texts.push_back({bytes, token});
  }
  std::stable_sort(texts.begin(), texts.end(), [](const Text& a, const Text& b) { return a.bytes < b.bytes; });

  // Level by level: a node is the range of sorted texts that share its first `depth` bytes.
  struct Range {
    size_t begin, end, depth;
  };
  SpecialTokens result;
  std::vector<Range> ranges{{0, texts.size(), 0}};
  result.nodes_.emplace_back();
  for (size_t i = 0; i < ranges.size(); ++i) {
    auto [begin, end, depth] = ranges[i];
    Node node;
    if (begin < end && texts[begin].bytes.size() == depth) {
      node.token = texts[begin].token;  // of equal texts the first token
      node.user_defined = table.type(node.token) == TokenType::user_defined;
      node.strip = strip_of(texts[begin].bytes, model_name);
      while (begin < end && texts[begin].bytes.size() == depth) ++begin;
    }
    node.first_edge = static_cast<uint32_t>(result.edges_.size());
    while (begin < end) {
      const auto byte = static_cast<unsigned char>(texts[begin].bytes[depth]);
      size_t last = begin;
      while (last < end && static_cast<unsigned char>(texts[last].bytes[depth]) == byte) ++last;
      result.edges_.push_back({byte, static_cast<uint32_t>(result.nodes_.size())});
      result.nodes_.emplace_back();
      ranges.push_back({begin, last, depth + 1});
      begin = last;
    }
    node.n_edges = static_cast<uint32_t>(result.edges_.size()) - node.first_edge;
    result.nodes_[i] = node;
  }
  for (const Text& text : texts) {
    const auto first = static_cast<unsigned char>(text.bytes[0]);
    const bool user_defined = table.type(text.token) == TokenType::user_defined;
    result.starts_[first] = true;
    result.starts_user_defined_[first] |= user_defined;
    result.any_user_defined_ |= user_defined;
  }
  return result;
}

const SpecialTokens::Node* SpecialTokens::step(const Node& node, unsigned char byte) const {
  const auto begin = edges_.begin() + node.first_edge;
  const auto end = begin + node.n_edges;
  const auto it = std::lower_bound(begin, end, byte, [](const Edge& edge, unsigned char b) { return edge.byte < b; });
  return it != end && it->byte == byte ? &nodes_[it->node] : nullptr;
}

std::optional<SpecialTokens::Match> SpecialTokens::find(std::string_view text, size_t position,
                                                        bool parse_special) const {
  if (nodes_.size() == 1 || (!parse_special && !any_user_defined_)) return std::nullopt;
  const auto& starts = parse_special ? starts_ : starts_user_defined_;
  for (size_t begin = position; begin < text.size(); ++begin) {
    if (!starts[static_cast<unsigned char>(text[begin])]) continue;
    const Node* longest = nullptr;
    size_t end = begin;
    const Node* node = &nodes_[0];
    for (size_t i = begin; i < text.size(); ++i) {
      node = step(*node, static_cast<unsigned char>(text[i]));
      if (node == nullptr) break;
      if (node->token >= 0 && (parse_special || node->user_defined)) {
        longest = node;
        end = i + 1;
      }
    }
    if (longest != nullptr) return Match{begin, end, longest->token, longest->strip};
  }
  return std::nullopt;
}

Token SpecialTokens::find_exact(std::string_view text) const {
  const Node* node = &nodes_[0];
  for (const char c : text) {
    node = step(*node, static_cast<unsigned char>(c));
    if (node == nullptr) return -1;
  }
  return node->token;
}

}  // namespace quipu::tokenizer
