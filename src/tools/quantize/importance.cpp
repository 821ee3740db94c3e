#include "tools/quantize/importance.h"

#include <cmath>
#include <cstring>

#include "tools/imatrix/importance_sums.h"
#include "tools/quantize/type_rules.h"

namespace quipu::tools {
namespace {

// Far beyond any tensor's name.
constexpr int32_t kMaxNameBytes = 4096;

// The older form: a count, then for each entry the length of its name, the name, how often it was called, how many
// values follow, and they. At the end perhaps the number of chunks and the name of the text.
class BinaryReader {
 public:
  explicit BinaryReader(std::span<const std::byte> bytes) : bytes_(bytes) {}

  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] bool at_end() const { return at_ == bytes_.size(); }

  Result<int32_t> number(int32_t least, int32_t most) {
    int32_t value = 0;
    if (bytes_.size() - at_ < sizeof value) return invalid_input("ends within a number at byte offset {}", at_);
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    if (value < least || value > most) {
      return invalid_input("the number {} at byte offset {} can't be: it is no file of importances", value, at_);
    }
    at_ += sizeof value;
    return value;
  }
  Result<std::string> text(int32_t size) {
    if (bytes_.size() - at_ < static_cast<size_t>(size))
      return invalid_input("ends within a name at byte offset {}", at_);
    std::string out(reinterpret_cast<const char*>(bytes_.data() + at_), static_cast<size_t>(size));
    at_ += static_cast<size_t>(size);
    return out;
  }
  Result<std::vector<float>> values(int32_t n) {
    if ((bytes_.size() - at_) / sizeof(float) < static_cast<size_t>(n)) {
      return invalid_input("ends within the {} values at byte offset {}", n, at_);
    }
    std::vector<float> out(static_cast<size_t>(n));
    std::memcpy(out.data(), bytes_.data() + at_, out.size() * sizeof(float));
    at_ += out.size() * sizeof(float);
    return out;
  }

 private:
  std::span<const std::byte> bytes_;
  size_t at_ = 0;
};

}  // namespace

Result<Importance> Importance::open(const std::filesystem::path& path) {
  Importance importance;
  importance.file_name_ = path.filename().string();
  QUIPU_TRY(const auto file, platform::MappedFile::open(path));
  constexpr std::string_view kMagic = "GGUF";
  const auto bytes = file->bytes();
  if (bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0) {
    QUIPU_TRY(const auto directory, gguf::File::open(path));
    const Status status = importance.read_gguf(directory);
    if (!status.ok()) return status.error().within(path.string());
  } else {
    const Status status = importance.read_binary(bytes);
    if (!status.ok()) return status.error().within(path.string());
  }
  return importance;
}

Status Importance::add(std::string name, std::vector<float> values) {
  for (size_t i = 0; i < values.size(); ++i) {
    if (!std::isfinite(values[i]) || values[i] < 0) {
      return invalid_input("the importance of column {} of '{}' is {}", i, name, values[i]);
    }
  }
  entries_.insert_or_assign(std::move(name), std::move(values));
  return {};
}

Status Importance::read_gguf(const gguf::File& file) {
  QUIPU_TRY(const ImportanceSums sums, ImportanceSums::read(file));
  for (const auto& [name, entry] : sums.entries()) {
    std::vector<float> means(entry.sums.size());
    for (size_t i = 0; i < means.size(); ++i) {
      const double count = std::round(entry.counts[i / entry.n_columns()]);
      // An expert that was never asked.
      means[i] = count > 0 ? static_cast<float>(entry.sums[i] / count) : 1.0f;
    }
    QUIPU_CHECK_OK(add(name, std::move(means)));
  }
  n_chunks_ = sums.n_pieces;
  if (!sums.datasets.empty()) dataset_ = sums.datasets.front();
  return {};
}

Status Importance::read_binary(std::span<const std::byte> bytes) {
  constexpr int32_t kMost = INT32_MAX;
  BinaryReader reader(bytes);
  QUIPU_TRY(const int32_t n_entries, reader.number(1, kMost));
  for (int32_t i = 0; i < n_entries; ++i) {
    QUIPU_TRY(const int32_t name_bytes, reader.number(1, kMaxNameBytes));
    QUIPU_TRY(auto name, reader.text(name_bytes));
    QUIPU_TRY(const int32_t n_calls, reader.number(0, kMost));
    QUIPU_TRY(const int32_t n_values, reader.number(1, kMost));
    QUIPU_TRY(auto values, reader.values(n_values));
    if (n_calls > 0) {
      for (float& value : values) value /= static_cast<float>(n_calls);
    }
    QUIPU_CHECK_OK(add(std::move(name), std::move(values)));
  }
  if (reader.at_end()) return {};
  QUIPU_TRY(const int32_t n_chunks, reader.number(0, kMost));
  n_chunks_ = static_cast<uint32_t>(n_chunks);
  if (reader.at_end()) return {};
  QUIPU_TRY(const int32_t dataset_bytes, reader.number(0, kMaxNameBytes));
  QUIPU_TRY(dataset_, reader.text(dataset_bytes));
  return {};
}

Result<std::span<const float>> Importance::of(const gguf::Tensor& tensor) const {
  const auto found = entries_.find(tensor.name);
  if (found == entries_.end()) return std::span<const float>();
  const uint64_t n = tensor.dims[0] * tensor.dims[2];
  if (found->second.size() == n) return std::span<const float>(found->second);
  // A table of embeddings is looked up, so what was measured for it as an output need not fit.
  if (is_token_embedding(tensor.name)) return std::span<const float>();
  return invalid_input("{}: has {} importances for tensor '{}', but it needs {}: they are of another model", file_name_,
                       found->second.size(), tensor.name, n);
}

}  // namespace quipu::tools
