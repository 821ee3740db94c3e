#include "tools/imatrix/imatrix.h"

#include <algorithm>
#include <string_view>

namespace quipu::tools {

void ImportanceCollector::on_linear(model::Rows x, std::span<const model::Linear* const> layers) {
  const auto counts = [&](const model::Linear* layer) {
    return with_output_ || std::string_view(layer->weight->name).starts_with("blk.");
  };
  if (x.n_rows == 0 || std::ranges::none_of(layers, counts)) return;
  squares_.assign(x.n_cols, 0.0);
  const auto* values = static_cast<const float*>(x.data);
  for (size_t row = 0; row < x.n_rows; ++row, values += x.n_cols) {
    for (size_t i = 0; i < x.n_cols; ++i) squares_[i] += double{values[i]} * values[i];
  }
  for (const model::Linear* layer : layers) {
    if (!counts(layer)) continue;
    ImportanceSums::Entry& entry = sums_.entry(layer->weight->name, x.n_cols);
    for (size_t i = 0; i < x.n_cols; ++i) entry.sums[i] += squares_[i];
    entry.counts[0] += static_cast<double>(x.n_rows);
  }
}

Status collect_importances(engine::Engine& engine, const ImatrixText& text, bool logits, ImportanceSums& sums,
                           const ImatrixProgress& progress) {
  const size_t n_whole = text.tokens.size() / text.n_piece;
  if (n_whole <= text.first_piece) {
    return invalid_input(
        "the text has {} tokens, too few for a piece of {} behind {} others: give a longer text, or a "
        "smaller -c",
        text.tokens.size(), text.n_piece, text.first_piece);
  }
  size_t n_pieces = n_whole - text.first_piece;
  if (text.most_pieces != 0) n_pieces = std::min<size_t>(n_pieces, text.most_pieces);
  const auto& tokenizer = engine.model().tokenizer();
  for (size_t piece = 0; piece < n_pieces; ++piece) {
    const auto begin = text.tokens.subspan((text.first_piece + piece) * text.n_piece, text.n_piece);
    std::vector<engine::Token> ids(begin.begin(), begin.end());
    if (tokenizer.adds_bos() && tokenizer.bos()) ids[0] = *tokenizer.bos();
    engine::Sequence sequence = engine.new_sequence();
    using Logits = engine::Work::Logits;
    const engine::Work work{&sequence, ids, logits ? Logits::all : Logits::none};
    QUIPU_CHECK_OK(engine.decode({&work, 1}, [](size_t, size_t, std::span<const float>) {}));
    ++sums.n_pieces;
    QUIPU_CHECK_OK(progress(static_cast<uint32_t>(piece + 1), static_cast<uint32_t>(n_pieces)));
  }
  return {};
}

}  // namespace quipu::tools
