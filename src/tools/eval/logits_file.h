// Saved log-probabilities of a text, in the format that llama-perplexity writes too: docs/formats/logits.md.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "base/result.h"
#include "platform/platform.h"

namespace quipu::tools {

// A text is cut into pieces of n_ctx tokens. Of each, the rows that predict tokens n_ctx / 2 + 1 ... n_ctx - 1 are
// kept.
struct LogitsShape {
  uint32_t n_ctx = 0, n_vocab = 0, n_pieces = 0;

  [[nodiscard]] uint32_t first_row() const { return n_ctx / 2; }
  [[nodiscard]] uint32_t rows_per_piece() const { return n_ctx - 1 - first_row(); }
};

// log p(token) = scale * levels[token] + least, natural logarithm; what is 16 nats below the best is cut off there.
struct LogitsRow {
  float scale = 0.0f, least = 0.0f;
  std::span<const uint16_t> levels;  // [n_vocab]

  [[nodiscard]] float logprob(size_t token) const { return scale * levels[token] + least; }
};

class LogitsWriter {
 public:
  // `tokens` [n_pieces * n_ctx].
  static Result<LogitsWriter> create(const std::filesystem::path& path, const LogitsShape& shape,
                                     std::span<const int32_t> tokens);
  // The next row of logits [n_vocab] and the logarithm of the sum of their exponentials.
  Status add(std::span<const float> logits, double log_sum_exp);
  // The file appears. All rows must have been added.
  Status commit();

 private:
  LogitsWriter(platform::OutputFile out, const LogitsShape& shape);
  platform::OutputFile out_;
  LogitsShape shape_;
  uint64_t rows_left_;
  std::vector<uint16_t> row_;
};

class LogitsFile {
 public:
  // Errors: another format, sizes that contradict each other or the file's, tokens outside of the vocabulary.
  static Result<LogitsFile> open(const std::filesystem::path& path);

  [[nodiscard]] const LogitsShape& shape() const { return shape_; }
  [[nodiscard]] std::span<const int32_t> tokens() const { return tokens_; }
  [[nodiscard]] LogitsRow row(uint32_t piece, uint32_t row) const;

 private:
  std::shared_ptr<const platform::MappedFile> file_;
  LogitsShape shape_;
  std::vector<int32_t> tokens_;
  size_t rows_begin_ = 0;
};

}  // namespace quipu::tools
