// What a file of importances ("imatrix") holds: for each column of a matrix, the sum of the squares of the numbers that
// the column was multiplied with, and how many they were.
#pragma once

#include <algorithm>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"

namespace quipu::tools {

// The format is that of llama-imatrix since 2025: a GGUF file with the tensors NAME.in_sum2 [n_matrices][n_columns] and
// NAME.counts [n_matrices][1], and the keys imatrix.datasets, imatrix.chunk_count and imatrix.chunk_size.
class ImportanceSums {
 public:
  // Of one tensor; a tensor of experts is several matrices.
  struct Entry {
    std::vector<double> sums;    // [n_matrices][n_columns]
    std::vector<double> counts;  // [n_matrices]: rows that were multiplied with each

    [[nodiscard]] size_t n_columns() const { return sums.size() / std::max<size_t>(counts.size(), 1); }
  };

  // Errors: no such file, tensors that contradict one another, numbers that are negative or not finite.
  static Result<ImportanceSums> read(const gguf::File& file);

  // For a tensor, all 0 when it is asked for first. The reference stays valid.
  Entry& entry(std::string_view name, size_t n_columns, size_t n_matrices = 1);
  // Adds another file's sums, counts, pieces and texts. Error: a tensor of another size.
  Status merge(const ImportanceSums& other);
  // The file appears whole or not at all. Errors: no entries, a sum that is not finite (named), io.
  [[nodiscard]] Status write(const std::filesystem::path& path) const;

  [[nodiscard]] const std::map<std::string, Entry, std::less<>>& entries() const { return entries_; }

  std::vector<std::string> datasets;  // names of the texts
  uint32_t n_pieces = 0;              // of them that were read
  uint32_t n_piece_tokens = 0;        // the length of each

 private:
  std::map<std::string, Entry, std::less<>> entries_;
};

}  // namespace quipu::tools
