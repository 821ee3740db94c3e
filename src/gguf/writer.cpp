#include "gguf/writer.h"

#include <algorithm>
#include <array>
#include <bit>
#include <limits>
#include <utility>

#include "base/check.h"
#include "base/checked.h"
#include "gguf/directory.h"
#include "gguf/printable.h"

namespace quipu::gguf {
namespace {

using Bytes = std::vector<std::byte>;

template <typename T>
void append_number(Bytes& bytes, T value) {
  const auto encoded = std::bit_cast<std::array<std::byte, sizeof(T)>>(value);
  bytes.insert(bytes.end(), encoded.begin(), encoded.end());
}

void append_bytes(Bytes& bytes, std::span<const std::byte> more) {
  bytes.insert(bytes.end(), more.begin(), more.end());
}

void append_string(Bytes& bytes, std::string_view text) {
  append_number<uint64_t>(bytes, text.size());
  append_bytes(bytes, std::as_bytes(std::span(text)));
}

void append_type(Bytes& bytes, ValueType type) {
  append_number(bytes, static_cast<uint32_t>(type));
}

template <typename T>
void append_value(Bytes& bytes, T value) {
  if constexpr (std::same_as<T, std::string_view>) {
    append_string(bytes, value);
  } else {
    append_number(bytes, value);
  }
}

template <MetadataType T>
constexpr ValueType type_of() {
  if constexpr (std::same_as<T, uint8_t>) return ValueType::u8;
  if constexpr (std::same_as<T, int8_t>) return ValueType::i8;
  if constexpr (std::same_as<T, uint16_t>) return ValueType::u16;
  if constexpr (std::same_as<T, int16_t>) return ValueType::i16;
  if constexpr (std::same_as<T, uint32_t>) return ValueType::u32;
  if constexpr (std::same_as<T, int32_t>) return ValueType::i32;
  if constexpr (std::same_as<T, uint64_t>) return ValueType::u64;
  if constexpr (std::same_as<T, int64_t>) return ValueType::i64;
  if constexpr (std::same_as<T, float>) return ValueType::f32;
  if constexpr (std::same_as<T, double>) return ValueType::f64;
  if constexpr (std::same_as<T, bool>) return ValueType::boolean;
  return ValueType::string;
}

constexpr uint32_t kDefaultAlignment = 32;

}  // namespace

Writer::Writer(uint32_t alignment) : alignment_(alignment) {
  QUIPU_CHECK(std::has_single_bit(alignment));
  if (alignment != kDefaultAlignment) set<uint32_t>("general.alignment", alignment);
}

std::vector<std::byte>& Writer::value_of(std::string_view key) {
  QUIPU_CHECK(!sink_ && !key.empty() && key.size() <= kMaxKeyBytes);
  const auto [found, is_new] = entry_at_.try_emplace(std::string(key), entries_.size());
  if (is_new) return entries_.emplace_back(Entry{std::string(key), {}}).value;
  entries_[found->second].value.clear();
  return entries_[found->second].value;
}

template <MetadataType T>
void Writer::set(std::string_view key, T value) {
  Bytes& bytes = value_of(key);
  append_type(bytes, type_of<T>());
  append_value(bytes, value);
}

template <MetadataType T>
void Writer::set_array(std::string_view key, std::span<const T> values) {
  Bytes& bytes = value_of(key);
  append_type(bytes, ValueType::array);
  append_type(bytes, type_of<T>());
  append_number<uint64_t>(bytes, values.size());
  for (const T& value : values) append_value(bytes, value);
}

void Writer::copy(std::string_view key, const Value& value) {
  Bytes& bytes = value_of(key);
  append_type(bytes, value.type);
  if (value.type == ValueType::array) {
    append_type(bytes, value.element);
    append_number<uint64_t>(bytes, value.count);
  }
  if (value.type == ValueType::string) append_number<uint64_t>(bytes, value.bytes.size());
  append_bytes(bytes, value.bytes);
}

Status Writer::add_tensor(std::string_view name, quant::TensorType type, std::span<const uint64_t> dims) {
  QUIPU_CHECK(!sink_);
  const auto refused = [&](std::string_view why) { return invalid_input("tensor {}: {}", in_quotes(name), why); };
  if (name.empty() || name.size() > kMaxTensorNameBytes) return refused("a name must have 1 to 1024 bytes");
  if (dims.empty() || dims.size() > 4) return refused("1 to 4 dimensions are allowed");
  if (std::ranges::find(dims, uint64_t{0}) != dims.end()) return refused("a dimension is 0");
  uint64_t n_elements = 1;
  for (const uint64_t dim : dims) {
    const auto product = checked_mul(n_elements, dim);
    if (!product || *product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) return refused("too large");
    n_elements = *product;
  }
  if (dims[0] % quant::traits(type).block_elements != 0) {
    return refused(
        fmt::format("rows of {} elements do not divide into blocks of {}", dims[0], quant::traits(type).name));
  }
  const auto row = quant::row_bytes(type, dims[0]);
  const auto size = row ? checked_mul(*row, n_elements / dims[0]) : std::nullopt;
  const auto end = size ? checked_add(data_size_, *size) : std::nullopt;
  const auto padded = end ? checked_align_up(*end, alignment_) : std::nullopt;
  if (!padded) return refused("too large");
  if (!tensor_names_.emplace(name).second) return refused("declared twice");
  append_string(tensor_entries_, name);
  append_number(tensor_entries_, static_cast<uint32_t>(dims.size()));
  for (const uint64_t dim : dims) append_number(tensor_entries_, dim);
  append_number(tensor_entries_, static_cast<uint32_t>(type));
  append_number(tensor_entries_, data_size_);
  tensors_.push_back({data_size_, *size});
  data_size_ = *padded;
  return {};
}

Status Writer::begin(Sink sink) {
  QUIPU_CHECK(!sink_ && sink);
  sink_ = std::move(sink);
  Bytes bytes;
  append_bytes(bytes, std::as_bytes(std::span(std::string_view("GGUF"))));
  append_number<uint32_t>(bytes, 3);
  append_number<uint64_t>(bytes, tensors_.size());
  append_number<uint64_t>(bytes, entries_.size());
  for (const Entry& entry : entries_) {
    append_string(bytes, entry.key);
    append_bytes(bytes, entry.value);
  }
  append_bytes(bytes, tensor_entries_);
  QUIPU_CHECK_OK(sink_(bytes));
  return pad(bytes.size());
}

Status Writer::append(std::span<const std::byte> bytes) {
  QUIPU_CHECK(sink_ != nullptr);
  while (!bytes.empty()) {
    QUIPU_CHECK(tensor_ < tensors_.size());
    const Tensor& tensor = tensors_[tensor_];
    const auto piece = bytes.first(std::min<uint64_t>(bytes.size(), tensor.size - filled_));
    QUIPU_CHECK_OK(sink_(piece));
    filled_ += piece.size();
    bytes = bytes.subspan(piece.size());
    if (filled_ < tensor.size) continue;
    QUIPU_CHECK_OK(pad(tensor.size));
    ++tensor_;
    filled_ = 0;
  }
  return {};
}

Status Writer::finish() {
  QUIPU_CHECK(sink_ && tensor_ == tensors_.size());
  return {};
}

// Zeros behind `written` bytes that began at a multiple of the alignment.
Status Writer::pad(uint64_t written) {
  static constexpr std::array<std::byte, 4096> kZeros{};
  uint64_t missing = (alignment_ - written % alignment_) % alignment_;
  while (missing > 0) {
    const uint64_t n = std::min<uint64_t>(missing, kZeros.size());
    QUIPU_CHECK_OK(sink_(std::span(kZeros).first(n)));
    missing -= n;
  }
  return {};
}

#define QUIPU_WRITER_SETTERS(T)                      \
  template void Writer::set<T>(std::string_view, T); \
  template void Writer::set_array<T>(std::string_view, std::span<const T>);
QUIPU_WRITER_SETTERS(uint8_t)
QUIPU_WRITER_SETTERS(int8_t)
QUIPU_WRITER_SETTERS(uint16_t)
QUIPU_WRITER_SETTERS(int16_t)
QUIPU_WRITER_SETTERS(uint32_t)
QUIPU_WRITER_SETTERS(int32_t)
QUIPU_WRITER_SETTERS(uint64_t)
QUIPU_WRITER_SETTERS(int64_t)
QUIPU_WRITER_SETTERS(float)
QUIPU_WRITER_SETTERS(double)
QUIPU_WRITER_SETTERS(bool)
QUIPU_WRITER_SETTERS(std::string_view)
#undef QUIPU_WRITER_SETTERS

}  // namespace quipu::gguf
