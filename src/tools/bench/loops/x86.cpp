#include "platform/platform.h"
#include "tools/bench/loops.h"

namespace quipu::tools {

AvailableLoops available_loops() {
  const platform::CpuFeatures& cpu = platform::cpu_features();
  AvailableLoops available;
  const auto add = [&](bool has, const Loops& table) {
    if (has) available.tables[available.n++] = table;
  };
  add(true, loops::generic);
  add(cpu.avx2, loops::avx2);
  add(cpu.avx_vnni, loops::avx_vnni);
  add(cpu.avx512, loops::avx512);
  add(cpu.avx512_vnni, loops::avx512_vnni);
  add(cpu.avx512_bf16, loops::avx512_bf16);
  add(cpu.amx_int8, loops::amx_int8);
  add(cpu.amx_bf16, loops::amx_bf16);
  return available;
}

}  // namespace quipu::tools
