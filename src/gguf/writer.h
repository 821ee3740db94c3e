// Writes GGUF files (version 3).
#pragma once

#include <concepts>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::gguf {

// The types that metadata can have, as C++ types; std::string_view stands for strings.
template <typename T>
concept MetadataType =
    std::same_as<T, uint8_t> || std::same_as<T, int8_t> || std::same_as<T, uint16_t> || std::same_as<T, int16_t> ||
    std::same_as<T, uint32_t> || std::same_as<T, int32_t> || std::same_as<T, uint64_t> || std::same_as<T, int64_t> ||
    std::same_as<T, float> || std::same_as<T, double> || std::same_as<T, bool> || std::same_as<T, std::string_view>;

// Takes the bytes of the file in order; an error ends the writing.
using Sink = std::function<Status(std::span<const std::byte>)>;

// Metadata and tensors are declared first; then begin() writes the directory, append() the tensors' data in the order
// of their declaration, in pieces of any size, and finish() the end. Calls in another order are the caller's mistake.
//
//   Writer writer;
//   writer.set<std::string_view>("general.architecture", "llama");
//   QUIPU_CHECK_OK(writer.add_tensor("token_embd.weight", TensorType::Q4_K, dims));
//   QUIPU_CHECK_OK(writer.begin([&](auto bytes) { return file.write(bytes); }));
//   QUIPU_CHECK_OK(writer.append(data));
//   QUIPU_CHECK_OK(writer.finish());
class Writer {
 public:
  // `alignment`, a power of two, is that of the tensors' data from the start of the file; one other than 32 becomes the
  // key general.alignment.
  explicit Writer(uint32_t alignment = 32);

  // A key that is set again keeps its place and gets the new value.
  template <MetadataType T>
  void set(std::string_view key, T value);
  template <MetadataType T>
  void set_array(std::string_view key, std::span<const T> values);
  // A value of another file, whatever its type.
  void copy(std::string_view key, const Value& value);

  // dims[0] is the length of a row. Errors: no name or one too long, a name twice, 0 or more than 4 dimensions, one
  // that is 0, rows that do not divide into blocks, sizes that overflow.
  [[nodiscard]] Status add_tensor(std::string_view name, quant::TensorType type, std::span<const uint64_t> dims);

  [[nodiscard]] Status begin(Sink sink);
  [[nodiscard]] Status append(std::span<const std::byte> bytes);
  [[nodiscard]] Status finish();

 private:
  struct Entry {
    std::string key;
    std::vector<std::byte> value;  // type and value, encoded
  };
  struct Tensor {
    uint64_t offset = 0, size = 0;
  };

  std::vector<std::byte>& value_of(std::string_view key);
  Status pad(uint64_t written);

  uint32_t alignment_;
  std::vector<Entry> entries_;
  std::map<std::string, size_t, std::less<>> entry_at_;
  std::vector<Tensor> tensors_;
  std::set<std::string, std::less<>> tensor_names_;
  std::vector<std::byte> tensor_entries_;  // encoded
  uint64_t data_size_ = 0;                 // of the tensors declared, padding included

  Sink sink_;
  size_t tensor_ = 0;    // the one that append() fills
  uint64_t filled_ = 0;  // bytes of it
};

}  // namespace quipu::gguf
