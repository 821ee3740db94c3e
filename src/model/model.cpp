#include "model/model.h"

#include <array>

#include "model/llama.h"

namespace quipu::model {
namespace {

constexpr std::array kFamilies{
    Family{"llama", load_llama},
};

}  // namespace

std::span<const Family> families() {
  return kFamilies;
}

Result<std::unique_ptr<Model>> load(const gguf::File& file) {
  QUIPU_TRY(const auto architecture, file.require<std::string_view>("general.architecture"));
  std::string known;
  for (const Family& family : kFamilies) {
    if (family.architecture == architecture) {
      QUIPU_TRY(auto hyperparameters, read_hyperparameters(file));
      return family.load(file, std::move(hyperparameters));
    }
    known += fmt::format("{}'{}'", known.empty() ? "" : ", ", family.architecture);
  }
  return error_of(ErrorKind::unsupported, "{}: model family '{}' is not supported; known: {}", file.name(),
                  architecture, known);
}

}  // namespace quipu::model
