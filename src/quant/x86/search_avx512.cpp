#include "quant/search.h"

namespace quipu::quant {
namespace {
using Lanes = float __attribute__((vector_size(64)));
}  // namespace
}  // namespace quipu::quant

#include "quant/search_impl.h"

namespace quipu::quant {

const SearchKernels search_avx512 = kSearch;

}  // namespace quipu::quant
