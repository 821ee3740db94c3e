// Few tokens in plain C++: rows are decoded block by block and multiplied in float32.
#include "kernels/decoded_impl.h"

namespace quipu::kernels {

constinit const GemvTable generic::gemv = decoded_gemv_table();

}  // namespace quipu::kernels
