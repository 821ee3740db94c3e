#include "tools/imatrix/importance_sums.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>

#include "base/check.h"
#include "gguf/writer.h"
#include "platform/platform.h"

namespace quipu::tools {
namespace {

constexpr std::string_view kSums = ".in_sum2", kCounts = ".counts";

Result<std::vector<double>> numbers_of(const gguf::Tensor& tensor) {
  if (tensor.type != quant::TensorType::F32) return invalid_input("tensor '{}' is not F32", tensor.name);
  std::vector<float> values(tensor.n_elements());
  std::memcpy(values.data(), tensor.data.data(), values.size() * sizeof(float));
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] < 0) {
      return invalid_input("number {} of tensor '{}' is {}", i, tensor.name, values[i]);
    }
  }
  return std::vector<double>(values.begin(), values.end());
}

Status append(gguf::Writer& writer, std::span<const double> numbers) {
  const std::vector<float> values(numbers.begin(), numbers.end());
  return writer.append(std::as_bytes(std::span(values)));
}

}  // namespace

Result<ImportanceSums> ImportanceSums::read(const gguf::File& file) {
  ImportanceSums read;
  for (const gguf::Tensor& sums : file.tensors()) {
    if (!sums.name.ends_with(kSums)) continue;
    const std::string name = sums.name.substr(0, sums.name.size() - kSums.size());
    const gguf::Tensor* counts = file.find_tensor(name + std::string(kCounts));
    if (counts == nullptr) return invalid_input("has '{}' but no counts for it", sums.name);
    Entry entry;
    QUIPU_TRY(entry.sums, numbers_of(sums));
    QUIPU_TRY(entry.counts, numbers_of(*counts));
    if (entry.sums.size() % entry.counts.size() != 0) {
      return invalid_input("'{}' has {} values, but counts for {} matrices", name, entry.sums.size(),
                           entry.counts.size());
    }
    read.entries_.insert_or_assign(name, std::move(entry));
  }
  if (read.entries_.empty()) return invalid_input("has no importances (tensors named *{})", kSums);
  QUIPU_TRY(const auto n_pieces, file.get<uint32_t>("imatrix.chunk_count"));
  QUIPU_TRY(const auto n_piece_tokens, file.get<uint32_t>("imatrix.chunk_size"));
  QUIPU_TRY(const auto datasets, file.get_array<std::string_view>("imatrix.datasets"));
  read.n_pieces = n_pieces.value_or(0);
  read.n_piece_tokens = n_piece_tokens.value_or(0);
  if (datasets) read.datasets.assign(datasets->begin(), datasets->end());
  return read;
}

ImportanceSums::Entry& ImportanceSums::entry(std::string_view name, size_t n_columns, size_t n_matrices) {
  auto found = entries_.find(name);
  if (found == entries_.end()) {
    Entry empty{std::vector<double>(n_columns * n_matrices), std::vector<double>(n_matrices)};
    found = entries_.emplace(std::string(name), std::move(empty)).first;
  }
  QUIPU_CHECK(found->second.counts.size() == n_matrices && found->second.n_columns() == n_columns);
  return found->second;
}

Status ImportanceSums::merge(const ImportanceSums& other) {
  for (const auto& [name, from] : other.entries_) {
    const auto found = entries_.find(name);
    if (found == entries_.end()) continue;
    const Entry& to = found->second;
    if (to.sums.size() != from.sums.size() || to.counts.size() != from.counts.size()) {
      return invalid_input("has {} importances for tensor '{}', but there were {} before: they are of another model",
                           from.sums.size(), name, to.sums.size());
    }
  }
  for (const auto& [name, from] : other.entries_) {
    Entry& to = entry(name, from.n_columns(), from.counts.size());
    std::ranges::transform(to.sums, from.sums, to.sums.begin(), std::plus());
    std::ranges::transform(to.counts, from.counts, to.counts.begin(), std::plus());
  }
  for (const std::string& dataset : other.datasets) {
    if (std::ranges::find(datasets, dataset) == datasets.end()) datasets.push_back(dataset);
  }
  n_pieces += other.n_pieces;
  if (n_piece_tokens == 0) n_piece_tokens = other.n_piece_tokens;
  return {};
}

Status ImportanceSums::write(const std::filesystem::path& path) const {
  if (entries_.empty()) return invalid_input("there are no importances to write");
  gguf::Writer writer;
  writer.set<std::string_view>("general.type", "imatrix");
  const std::vector<std::string_view> names(datasets.begin(), datasets.end());
  writer.set_array<std::string_view>("imatrix.datasets", names);
  writer.set<uint32_t>("imatrix.chunk_count", n_pieces);
  writer.set<uint32_t>("imatrix.chunk_size", n_piece_tokens);
  for (const auto& [name, entry] : entries_) {
    const auto finite = [](double sum) { return std::isfinite(static_cast<float>(sum)); };
    if (const auto bad = std::ranges::find_if_not(entry.sums, finite); bad != entry.sums.end()) {
      return invalid_input("the inputs of tensor '{}' are not finite in column {}", name,
                           static_cast<size_t>(bad - entry.sums.begin()) % entry.n_columns());
    }
    const uint64_t n_matrices = entry.counts.size();
    using quant::TensorType;
    QUIPU_CHECK_OK(writer.add_tensor(name + std::string(kSums), TensorType::F32,
                                     std::array<uint64_t, 2>{entry.n_columns(), n_matrices}));
    QUIPU_CHECK_OK(
        writer.add_tensor(name + std::string(kCounts), TensorType::F32, std::array<uint64_t, 2>{1, n_matrices}));
  }
  QUIPU_TRY(auto file, platform::OutputFile::create(path, false));
  QUIPU_CHECK_OK(writer.begin([&](std::span<const std::byte> bytes) { return file.write(bytes); }));
  for (const auto& [name, entry] : entries_) {
    QUIPU_CHECK_OK(append(writer, entry.sums));
    QUIPU_CHECK_OK(append(writer, entry.counts));
  }
  QUIPU_CHECK_OK(writer.finish());
  return file.commit();
}

}  // namespace quipu::tools
