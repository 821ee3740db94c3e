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
#include <variant>
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

// An array of fixed-size values lies unaligned in the mapped file and is decoded on access; strings of a string array
// are found once at opening.
class Value;

// One tensor: a checked directory entry. dims[0] is the length of a row (n_embd first, as in the file).
struct Tensor {
  std::string name;
  quant::TensorType type = quant::TensorType::F32;
  uint32_t n_dims = 0;
  std::array<uint64_t, 4> dims{1, 1, 1, 1};
  std::span<const std::byte> data;  // inside the mapped file: valid as long as the File

  [[nodiscard]] uint64_t n_elements() const { return dims[0] * dims[1] * dims[2] * dims[3]; }  // checked at opening
};

// A range of a mapped file that holds a GGUF: the whole of a .gguf, or a stored entry of a llamafile.
struct Source {
  std::shared_ptr<const platform::MappedFile> file;
  uint64_t offset = 0;
  uint64_t size = 0;
  std::string name;  // for messages: "x.gguf" or "x.llamafile@x.gguf"
};

class File {
 public:
  // Opens one file; if it is the first of a split model (split.count > 1, name ends in -00001-of-0000N.gguf), its
  // siblings too. Nothing but the directory is read. Errors name the key or tensor and the byte offset.
  static Result<File> open(const std::filesystem::path& path);
  static Result<File> open(std::vector<Source> parts);

  // Metadata. A number is found whatever integer width the file chose, if its value fits T (uint32_t, int32_t,
  // uint64_t, int64_t, float, double, bool); std::string_view for strings. Missing: nothing. Wrong type: an error.
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
  // For `inspect`: keys in the order of the file.
  [[nodiscard]] std::vector<std::string_view> keys() const;
  // A value as text for people; arrays and strings cut at `max_chars`.
  [[nodiscard]] std::string describe(std::string_view key, size_t max_chars) const;
  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] uint64_t total_bytes() const;

 private:
  struct State;
  std::shared_ptr<const State> state_;
};

}  // namespace quipu::gguf
