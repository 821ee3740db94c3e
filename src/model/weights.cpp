#include "model/weights.h"

namespace quipu::model {

Status WeightReader::check_shape(const gguf::Tensor& tensor, uint64_t n_in, uint64_t n_out) const {
  if (tensor.dims[0] != n_in || tensor.dims[1] != n_out || tensor.dims[2] != 1 || tensor.dims[3] != 1)
    return invalid_input("{}: tensor '{}' has the shape {}x{}x{}x{}, but the hyperparameters ask for {}x{}",
                         file_.name(), tensor.name, tensor.dims[0], tensor.dims[1], tensor.dims[2], tensor.dims[3],
                         n_in, n_out);
  if (quant::traits(tensor.type).decode == nullptr)
    return error_of(ErrorKind::unsupported, "{}: tensor '{}' has the type {}, which weights cannot have", file_.name(),
                    tensor.name, quant::traits(tensor.type).name);
  return {};
}

Result<const gguf::Tensor*> WeightReader::matrix(const std::string& name, uint64_t n_in, uint64_t n_out) {
  const gguf::Tensor* tensor = file_.find_tensor(name);
  if (tensor == nullptr) return invalid_input("{}: tensor '{}' is missing", file_.name(), name);
  QUIPU_CHECK_OK(check_shape(*tensor, n_in, n_out));
  used_.insert(tensor->name);
  return tensor;
}

Result<Linear> WeightReader::linear(const std::string& name, uint64_t n_in, uint64_t n_out) {
  Linear linear;
  QUIPU_TRY(linear.weight, matrix(name + ".weight", n_in, n_out));
  QUIPU_TRY(linear.bias, optional_vector(name + ".bias", n_out));
  return linear;
}

Result<std::vector<float>> WeightReader::vector(const std::string& name, uint64_t n) {
  QUIPU_TRY(const gguf::Tensor* tensor, matrix(name, n, 1));
  std::vector<float> values(n);
  quant::traits(tensor->type).decode(tensor->data.data(), values.data(), n);
  return values;
}

Result<std::vector<float>> WeightReader::optional_vector(const std::string& name, uint64_t n) {
  if (!has(name)) return std::vector<float>();
  return vector(name, n);
}

Status WeightReader::check_all_used() const {
  size_t n_unknown = 0;
  std::string_view first;
  for (const gguf::Tensor& tensor : file_.tensors()) {
    if (used_.contains(tensor.name)) continue;
    if (n_unknown++ == 0) first = tensor.name;
  }
  if (n_unknown == 0) return {};
  return error_of(ErrorKind::unsupported, "{}: {} tensors are not known to this model family, the first is '{}'",
                  file_.name(), n_unknown, first);
}

}  // namespace quipu::model
