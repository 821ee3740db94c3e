// GGUF model files, versions 2 and 3: untrusted bytes become a checked directory of metadata and tensors.
// Format: docs/formats/gguf.md.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "platform/platform.h"
#include "quant/types.h"

namespace quipu::gguf {

// Numbers as they stand in the file.
enum class ValueType : uint32_t {
  u8 = 0,
  i8 = 1,
  u16 = 2,
  i16 = 3,
  u32 = 4,
  i32 = 5,
  f32 = 6,
  boolean = 7,
  string = 8,
  array = 9,
  u64 = 10,
  i64 = 11,
  f64 = 12,
};

// A metadata value as it lies in the file, checked: scalars, strings (without their length) and the elements of arrays.
// Nothing in it is aligned.
struct Value {
  ValueType type = ValueType::u8;
  ValueType element = ValueType::u8;  // of an array; of others as `type`
  uint64_t count = 1;                 // elements of an array
  std::span<const std::byte> bytes;   // valid as long as the File
};

// One tensor: a checked directory entry. dims[0] is the length of a row (n_embd first, as in the file).
struct Tensor {
  std::string name;
  quant::TensorType type = quant::TensorType::F32;
  uint32_t n_dims = 0;
  std::array<uint64_t, 4> dims{1, 1, 1, 1};
  std::span<const std::byte> data;  // inside the mapped file: valid as long as the File

  [[nodiscard]] uint64_t n_elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }  // checked at opening
};

// Bytes that hold a GGUF: the whole of a .gguf, a stored entry of a llamafile, or memory.
struct Source {
  std::shared_ptr<const platform::MappedFile>
      file;  // kept open with the File; null if the caller keeps the bytes alive
  std::span<const std::byte> bytes;
  std::string name;  // for messages: "x.gguf" or "x.llamafile@x.gguf"
};

struct Part;

// The end of a part's name, number from 1: "-00002-of-00003.gguf".
std::string part_suffix(uint32_t number, uint32_t count);

// Cheap to copy; copies share one mapping. All calls may come from any thread.
class File {
 public:
  // Opens one file; if it is the first of a split model (split.count > 1, name ends in -00001-of-0000N.gguf), its
  // siblings too. Nothing but the directory is read. Errors name the file, the key or tensor and the byte offset.
  static Result<File> open(const std::filesystem::path& path);
  // The parts of a model, in order: one, or all of a split model.
  static Result<File> open(std::vector<Source> parts);

  // Metadata (of a split model, the first part's). T is uint32_t, int32_t, uint64_t, int64_t, float, double, bool or
  // std::string_view (valid as long as the File, any bytes). A number is found whatever width the file chose, if its
  // value fits T; floats become no integers, booleans no numbers. Missing: nothing. Wrong type or no fit: an error.
  template <typename T>
  [[nodiscard]] Result<std::optional<T>> get(std::string_view key) const;
  // A missing key is an error here.
  template <typename T>
  [[nodiscard]] Result<T> require(std::string_view key) const;
  // Arrays (T as above); missing: nothing. Numbers are converted if each fits T.
  template <typename T>
  [[nodiscard]] Result<std::optional<std::vector<T>>> get_array(std::string_view key) const;

  [[nodiscard]] std::span<const Tensor> tensors() const;
  [[nodiscard]] const Tensor* find_tensor(std::string_view name) const;
  // For `inspect` and for copying: keys in the order of the file.
  [[nodiscard]] std::vector<std::string_view> keys() const;
  [[nodiscard]] const Value* find_value(std::string_view key) const;
  // A value as text for people, in quotes if a string, cut to about `max_chars`; "" if there is no such key.
  [[nodiscard]] std::string describe(std::string_view key, size_t max_chars) const;

  [[nodiscard]] uint32_t version() const;
  [[nodiscard]] std::span<const Source> parts() const;
  // Of the first part.
  [[nodiscard]] const std::string& name() const;
  // Of all parts.
  [[nodiscard]] uint64_t total_bytes() const;
  // Keeps all of the file in memory. Error: out_of_memory with the limit that stands in the way.
  [[nodiscard]] Status lock_in_memory() const;

 private:
  struct State;
  static Result<File> join(std::vector<Source> parts, std::vector<Part> read);

  std::shared_ptr<const State> state_;
};

}  // namespace quipu::gguf
