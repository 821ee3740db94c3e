// Takes a family's tensors out of a model file, each with the shape that the hyperparameters demand.
#pragma once

#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "gguf/gguf.h"
#include "model/ops.h"

namespace quipu::model {

class WeightReader {
 public:
  explicit WeightReader(const gguf::File& file) : file_(file) {}

  // A table or matrix [n_out, n_in] that must be there.
  Result<const gguf::Tensor*> matrix(const std::string& name, uint64_t n_in, uint64_t n_out);
  // NAME.weight [n_out, n_in], and NAME.bias [n_out] where the file has one.
  Result<Linear> linear(const std::string& name, uint64_t n_in, uint64_t n_out);
  // A vector [n], as float32 whatever its type is.
  Result<std::vector<float>> vector(const std::string& name, uint64_t n);
  // The same; empty if the file has none.
  Result<std::vector<float>> optional_vector(const std::string& name, uint64_t n);
  [[nodiscard]] bool has(std::string_view name) const { return file_.find_tensor(name) != nullptr; }

  // An error if the file holds a tensor that nobody asked for: without it the answers would be wrong.
  [[nodiscard]] Status check_all_used() const;

 private:
  [[nodiscard]] Status check_shape(const gguf::Tensor& tensor, uint64_t n_in, uint64_t n_out) const;

  const gguf::File& file_;
  std::set<std::string_view> used_;
};

}  // namespace quipu::model
