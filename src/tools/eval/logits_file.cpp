#include "tools/eval/logits_file.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "base/checked.h"

namespace quipu::tools {
namespace {

constexpr std::string_view kMagic = "_logits_";
constexpr size_t kHeaderBytes = 8 + 3 * sizeof(uint32_t);
constexpr size_t kRowHeader = 4;     // two floats, counted in uint16
constexpr float kRangeNats = 16.0f;  // below the best; llama-perplexity's choice
constexpr float kHighestLevel = 65535;
constexpr uint32_t kMostTokens = 1U << 30;
static_assert(std::endian::native == std::endian::little, "numbers are written as they lie in memory");

size_t row_units(const LogitsShape& shape) {
  return (size_t{shape.n_vocab} + 1) / 2 * 2 + kRowHeader;
}

}  // namespace

LogitsWriter::LogitsWriter(platform::OutputFile out, const LogitsShape& shape)
    : out_(std::move(out)),
      shape_(shape),
      rows_left_(uint64_t{shape.n_pieces} * shape.rows_per_piece()),
      row_(row_units(shape)) {}

Result<LogitsWriter> LogitsWriter::create(const std::filesystem::path& path, const LogitsShape& shape,
                                          std::span<const int32_t> tokens) {
  QUIPU_CHECK(tokens.size() == size_t{shape.n_ctx} * shape.n_pieces);
  QUIPU_TRY(auto out, platform::OutputFile::create(path, false));
  const uint32_t sizes[] = {shape.n_ctx, shape.n_vocab, shape.n_pieces};
  QUIPU_CHECK_OK(out.write(std::as_bytes(std::span(kMagic))));
  QUIPU_CHECK_OK(out.write(std::as_bytes(std::span(sizes))));
  QUIPU_CHECK_OK(out.write(std::as_bytes(tokens)));
  return LogitsWriter(std::move(out), shape);
}

Status LogitsWriter::add(std::span<const float> logits, double log_sum_exp) {
  QUIPU_CHECK(logits.size() == shape_.n_vocab && rows_left_ > 0);
  --rows_left_;
  const auto [smallest, largest] = std::minmax_element(logits.begin(), logits.end());
  const float least = std::max(*smallest, *largest - kRangeNats);
  const float scale = (*largest - least) / kHighestLevel;
  const float header[] = {scale, static_cast<float>(least - log_sum_exp)};
  std::memcpy(row_.data(), header, sizeof header);
  const float per_level = scale > 0 ? 1 / scale : 0;
  for (size_t i = 0; i < logits.size(); ++i) {
    const float level = std::nearbyint((std::max(logits[i], least) - least) * per_level);
    row_[kRowHeader + i] = static_cast<uint16_t>(std::min(level, kHighestLevel));
  }
  return out_.write(std::as_bytes(std::span(row_)));
}

Status LogitsWriter::commit() {
  QUIPU_CHECK(rows_left_ == 0);
  return out_.commit();
}

Result<LogitsFile> LogitsFile::open(const std::filesystem::path& path) {
  LogitsFile file;
  QUIPU_TRY(file.file_, platform::MappedFile::open(path));
  const auto bytes = file.file_->bytes();
  const std::string name = path.string();
  if (bytes.size() < kHeaderBytes || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
    return invalid_input("{}: not a file of log-probabilities (it does not begin with '{}')", name, kMagic);
  }
  uint32_t sizes[3];
  std::memcpy(sizes, bytes.data() + kMagic.size(), sizeof sizes);
  file.shape_ = {sizes[0], sizes[1], sizes[2]};
  const LogitsShape& shape = file.shape_;
  const auto n_tokens = checked_mul(shape.n_ctx, shape.n_pieces);
  if (shape.n_ctx < 4 || shape.n_vocab == 0 || shape.n_vocab > kMostTokens || shape.n_pieces == 0 || !n_tokens ||
      *n_tokens > kMostTokens) {
    return invalid_input("{}: pieces of {} tokens, {} tokens in the vocabulary and {} pieces can't be (byte offset 8)",
                         name, shape.n_ctx, shape.n_vocab, shape.n_pieces);
  }
  file.rows_begin_ = kHeaderBytes + *n_tokens * sizeof(int32_t);
  const auto row_bytes = checked_mul(row_units(shape), sizeof(uint16_t));
  const auto rows_bytes = row_bytes ? checked_mul(uint64_t{shape.n_pieces} * shape.rows_per_piece(), *row_bytes)
                                    : std::optional<uint64_t>();
  const auto end = rows_bytes ? checked_add(file.rows_begin_, *rows_bytes) : std::optional<uint64_t>();
  if (!end || *end != bytes.size()) {
    return invalid_input("{}: has {} bytes, but its sizes make {}", name, bytes.size(),
                         end ? fmt::format("{}", *end) : "more than there can be");
  }
  file.tokens_.resize(*n_tokens);
  std::memcpy(file.tokens_.data(), bytes.data() + kHeaderBytes, *n_tokens * sizeof(int32_t));
  for (size_t i = 0; i < file.tokens_.size(); ++i) {
    if (file.tokens_[i] < 0 || static_cast<uint32_t>(file.tokens_[i]) >= shape.n_vocab) {
      return invalid_input("{}: token {} at byte offset {} is outside of the vocabulary of {}", name, file.tokens_[i],
                           kHeaderBytes + i * sizeof(int32_t), shape.n_vocab);
    }
  }
  return file;
}

LogitsRow LogitsFile::row(uint32_t piece, uint32_t row) const {
  QUIPU_CHECK(piece < shape_.n_pieces && row < shape_.rows_per_piece());
  const size_t index = size_t{piece} * shape_.rows_per_piece() + row;
  const std::byte* start = file_->bytes().data() + rows_begin_ + index * row_units(shape_) * sizeof(uint16_t);
  float header[2];
  std::memcpy(header, start, sizeof header);
  // All that precedes a row is a multiple of two bytes.
  const auto* levels = reinterpret_cast<const uint16_t*>(start) + kRowHeader;
  return {header[0], header[1], {levels, shape_.n_vocab}};
}

}  // namespace quipu::tools
