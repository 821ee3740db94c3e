#include "tools/quantize/quantize.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <bit>
#include <cmath>
#include <memory>
#include <vector>

#include "base/check.h"
#include "gguf/writer.h"
#include "platform/platform.h"

namespace quipu::tools {
namespace {

// Weights that are encoded between two writes: enough for all threads, and a fraction of a second of the slowest type.
constexpr uint64_t kSlabWeights = uint64_t{4} << 20;
// What one thread takes at a time: the decoded rows stay in its L2 cache.
constexpr uint64_t kChunkWeights = uint64_t{32} << 10;
// GGML_QNT_VERSION: the block layouts of today.
constexpr uint32_t kQuantizationVersion = 2;

struct OutputPart {
  gguf::Writer writer;
  std::vector<const PlannedTensor*> tensors;
  std::optional<platform::OutputFile> file;
};

uint32_t alignment_of(const gguf::File& file) {
  constexpr uint32_t kDefault = 32, kMost = 1U << 20;
  const auto wanted = file.get<uint32_t>("general.alignment");
  const uint32_t alignment = wanted.ok() ? wanted->value_or(kDefault) : kDefault;
  return std::has_single_bit(alignment) && alignment <= kMost ? std::max(alignment, kDefault) : kDefault;
}

void copy_metadata(const gguf::File& file, const QuantizeRequest& request, gguf::Writer& writer) {
  for (const std::string_view key : file.keys()) {
    if (key.starts_with("split.") || key == "general.alignment") continue;
    writer.copy(key, *file.find_value(key));
  }
  writer.set<uint32_t>("general.quantization_version", kQuantizationVersion);
  if (request.mix) writer.set<uint32_t>("general.file_type", static_cast<uint32_t>(*request.mix));
  if (request.importance == nullptr) return;
  writer.set<std::string_view>("quantize.imatrix.file", request.importance->file_name());
  if (!request.importance->dataset().empty()) {
    writer.set<std::string_view>("quantize.imatrix.dataset", request.importance->dataset());
  }
  writer.set<uint32_t>("quantize.imatrix.entries_count", static_cast<uint32_t>(request.importance->n_entries()));
  if (request.importance->n_chunks() > 0) {
    writer.set<uint32_t>("quantize.imatrix.chunks_count", request.importance->n_chunks());
  }
}

// Which part of a split model a tensor lies in.
size_t part_of(const gguf::File& file, const gguf::Tensor& tensor) {
  const auto parts = file.parts();
  for (size_t i = 0; i < parts.size(); ++i) {
    const auto& bytes = parts[i].bytes;
    if (tensor.data.data() >= bytes.data() && tensor.data.data() < bytes.data() + bytes.size()) return i;
  }
  return 0;
}

// MODEL.gguf becomes MODEL-00002-of-00003.gguf.
std::filesystem::path part_path(const std::filesystem::path& out, size_t part, size_t n_parts) {
  if (n_parts == 1) return out;
  std::filesystem::path stem = out;
  if (stem.extension() == ".gguf") stem.replace_extension();
  stem += gguf::part_suffix(static_cast<uint32_t>(part + 1), static_cast<uint32_t>(n_parts));
  return stem;
}

Result<std::vector<OutputPart>> declare_parts(const gguf::File& file, const Plan& plan,
                                              const QuantizeRequest& request) {
  const size_t n_parts = request.keep_split ? file.parts().size() : 1;
  std::vector<OutputPart> parts;
  for (size_t i = 0; i < n_parts; ++i) parts.push_back({gguf::Writer(alignment_of(file)), {}, {}});
  copy_metadata(file, request, parts[0].writer);
  for (const PlannedTensor& planned : plan.tensors) {
    OutputPart& part = parts[n_parts == 1 ? 0 : part_of(file, *planned.tensor)];
    const gguf::Tensor& tensor = *planned.tensor;
    QUIPU_CHECK_OK(
        part.writer.add_tensor(tensor.name, planned.type, std::span(tensor.dims).first(std::max(tensor.n_dims, 1U))));
    part.tensors.push_back(&planned);
  }
  for (size_t i = 0; i < n_parts && n_parts > 1; ++i) {
    parts[i].writer.set<uint16_t>("split.no", static_cast<uint16_t>(i));
    parts[i].writer.set<uint16_t>("split.count", static_cast<uint16_t>(n_parts));
    parts[i].writer.set<int32_t>("split.tensors.count", static_cast<int32_t>(plan.tensors.size()));
  }
  return parts;
}

class Converter {
 public:
  Converter(ThreadPool& pool, const QuantizeProgress& progress, uint64_t n_weights)
      : pool_(pool), progress_(progress), n_weights_(n_weights), decoded_(static_cast<size_t>(pool.n_threads())) {}

  // Hands the tensor's new bytes to the writer.
  Status convert(const PlannedTensor& planned, gguf::Writer& writer) {
    const gguf::Tensor& tensor = *planned.tensor;
    const quant::TypeTraits& from = quant::traits(tensor.type);
    if (from.decode == nullptr) {
      QUIPU_CHECK_OK(writer.append(tensor.data));
      return report(tensor.n_elements());
    }
    const uint64_t n_per_row = tensor.dims[0];
    const uint64_t n_rows = tensor.n_elements() / n_per_row;
    const uint64_t rows_per_slab = std::max<uint64_t>(kSlabWeights / n_per_row, 1);
    const uint64_t from_row_bytes = tensor.data.size() / n_rows;
    const uint64_t to_row_bytes = planned.bytes() / n_rows;
    for (uint64_t row = 0; row < n_rows; row += rows_per_slab) {
      const uint64_t n = std::min(rows_per_slab, n_rows - row);
      const Slab slab{&planned, row, n, tensor.data.subspan(row * from_row_bytes, n * from_row_bytes)};
      encoded_.resize(n * to_row_bytes);
      QUIPU_CHECK_OK(convert_slab(slab));
      QUIPU_CHECK_OK(writer.append(planned.type == tensor.type ? slab.source : std::span<const std::byte>(encoded_)));
      QUIPU_CHECK_OK(report(n * n_per_row));
    }
    return {};
  }

 private:
  struct Slab {
    const PlannedTensor* planned;
    uint64_t first_row, n_rows;
    std::span<const std::byte> source;
  };
  static constexpr uint64_t kNone = UINT64_MAX;

  // Also looks for numbers that are not finite where the bytes stay as they are.
  Status convert_slab(const Slab& slab) {
    const gguf::Tensor& tensor = *slab.planned->tensor;
    const uint64_t rows_per_chunk = std::max<uint64_t>(kChunkWeights / tensor.dims[0], 1);
    std::atomic<uint64_t> bad{kNone};
    pool_.run((slab.n_rows + rows_per_chunk - 1) / rows_per_chunk, [&](int thread, size_t chunk) {
      const uint64_t first = chunk * rows_per_chunk;
      const uint64_t last = std::min(first + rows_per_chunk, slab.n_rows);
      for (uint64_t row = first; row < last; ++row) {
        const uint64_t column = convert_row(slab, row, decoded_[static_cast<size_t>(thread)]);
        if (column == kNone) continue;
        uint64_t expected = bad.load();
        const uint64_t at = row * tensor.dims[0] + column;
        while (at < expected && !bad.compare_exchange_weak(expected, at)) {
        }
      }
    });
    if (bad == kNone) return {};
    return invalid_input("tensor '{}' has a number that is not finite, in row {}, column {}", tensor.name,
                         slab.first_row + bad / tensor.dims[0], bad % tensor.dims[0]);
  }

  // The first column whose number is not finite, or kNone.
  uint64_t convert_row(const Slab& slab, uint64_t row, std::vector<float>& decoded) {
    const PlannedTensor& planned = *slab.planned;
    const gguf::Tensor& tensor = *planned.tensor;
    const size_t n = tensor.dims[0];
    decoded.resize(n);
    const size_t from_row_bytes = slab.source.size() / slab.n_rows;
    quant::traits(tensor.type).decode(slab.source.data() + row * from_row_bytes, decoded.data(), n);
    const auto finite = [](float value) { return std::isfinite(value); };
    if (!std::ranges::all_of(decoded, finite)) {
      return static_cast<uint64_t>(std::ranges::find_if_not(decoded, finite) - decoded.begin());
    }
    if (planned.type == tensor.type) return kNone;
    const float* importance = nullptr;
    if (!planned.importance.empty()) {
      importance = planned.importance.data() + (slab.first_row + row) / tensor.dims[1] % tensor.dims[2] * n;
    }
    const size_t to_row_bytes = encoded_.size() / slab.n_rows;
    quant::traits(planned.type).encode_weighted(decoded.data(), encoded_.data() + row * to_row_bytes, n, importance);
    return kNone;
  }

  Status report(uint64_t n_weights) {
    done_ += n_weights;
    if (progress_ && !progress_(done_, n_weights_)) return error_of(ErrorKind::cancelled, "interrupted");
    return {};
  }

  ThreadPool& pool_;
  const QuantizeProgress& progress_;
  uint64_t n_weights_, done_ = 0;
  std::vector<std::vector<float>> decoded_;  // a row for each thread
  std::vector<std::byte> encoded_;
};

}  // namespace

Status quantize(const gguf::File& file, const Plan& plan, const QuantizeRequest& request, ThreadPool& pool,
                const QuantizeProgress& progress) {
  QUIPU_TRY(auto parts, declare_parts(file, plan, request));
  Converter converter(pool, progress, plan.n_weights);
  for (size_t i = 0; i < parts.size(); ++i) {
    OutputPart& part = parts[i];
    QUIPU_TRY(part.file, platform::OutputFile::create(part_path(request.out, i, parts.size()), false));
    QUIPU_CHECK_OK(part.writer.begin([&](std::span<const std::byte> bytes) { return part.file->write(bytes); }));
    for (const PlannedTensor* planned : part.tensors) QUIPU_CHECK_OK(converter.convert(*planned, part.writer));
    QUIPU_CHECK_OK(part.writer.finish());
  }
  for (OutputPart& part : parts) QUIPU_CHECK_OK(part.file->commit());
  return {};
}

}  // namespace quipu::tools
