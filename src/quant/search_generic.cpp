#include "quant/search.h"

namespace quipu::quant {
namespace {
using Lanes = float __attribute__((vector_size(16)));
}  // namespace
}  // namespace quipu::quant

#include "quant/search_impl.h"

namespace quipu::quant {

const SearchKernels search_generic = kSearch;

}  // namespace quipu::quant
