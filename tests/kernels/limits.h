// What the machine can do at most: a loop of nothing but multiply-adds, a loop of nothing but reads.
#pragma once

namespace quipu::kernels::test {

void print_limits();

}  // namespace quipu::kernels::test
