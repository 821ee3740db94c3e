#include "quant/search.h"

namespace quipu::quant {
namespace {
using Lanes = float __attribute__((vector_size(32)));
}  // namespace
}  // namespace quipu::quant

#include "quant/search_impl.h"

namespace quipu::quant {

const SearchKernels search_avx2 = kSearch;

}  // namespace quipu::quant
