// How much each column of a matrix matters: the mean square of what it is multiplied with, measured on some text
// ("imatrix"). Files of llama-imatrix, both the GGUF and the older binary form.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::tools {

class Importance {
 public:
  // Errors: a file that is neither form, sizes that contradict the file's, values that are negative or not finite.
  static Result<Importance> open(const std::filesystem::path& path);

  // For a tensor of rows of dims[0] numbers and dims[2] matrices: [dims[2]][dims[0]], or nothing if the file does not
  // have it. Error: another size.
  [[nodiscard]] Result<std::span<const float>> of(const gguf::Tensor& tensor) const;

  [[nodiscard]] size_t n_entries() const { return entries_.size(); }
  [[nodiscard]] uint32_t n_chunks() const { return n_chunks_; }
  [[nodiscard]] const std::string& dataset() const { return dataset_; }
  [[nodiscard]] const std::string& file_name() const { return file_name_; }

 private:
  Status read_gguf(const gguf::File& file);
  Status read_binary(std::span<const std::byte> bytes);
  Status add(std::string name, std::vector<float> values);

  std::map<std::string, std::vector<float>, std::less<>> entries_;
  std::string file_name_, dataset_;
  uint32_t n_chunks_ = 0;
};

}  // namespace quipu::tools
