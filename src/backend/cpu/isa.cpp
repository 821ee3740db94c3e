#include "backend/cpu/isa.h"

#include <algorithm>

#include "platform/platform.h"

namespace quipu::backend::cpu {
namespace {

bool has(kernels::Isa isa) {
  const platform::CpuFeatures& cpu = platform::cpu_features();
  switch (isa) {
    case kernels::Isa::generic:
      return true;
    case kernels::Isa::avx2:
      return cpu.avx2;
    case kernels::Isa::avx_vnni:
      return cpu.avx_vnni;
    case kernels::Isa::avx512:
      return cpu.avx512;
    case kernels::Isa::avx512_vnni:
      return cpu.avx512_vnni;
    case kernels::Isa::avx512_bf16:
      return cpu.avx512_vnni && cpu.avx512_bf16;
    case kernels::Isa::amx_bf16:
      return cpu.avx512_vnni && cpu.avx512_bf16 && cpu.amx_bf16;
    case kernels::Isa::neon:
      return cpu.neon;
    case kernels::Isa::neon_dotprod:
      return cpu.neon && cpu.dotprod;
    case kernels::Isa::neon_i8mm:
      return cpu.neon && cpu.dotprod && cpu.i8mm;
    case kernels::Isa::neon_bf16:
      return cpu.neon && cpu.dotprod && cpu.bf16;
  }
  return false;
}

template <typename Isas>
std::string names(const Isas& isas) {
  std::string text;
  for (const kernels::Isa isa : isas) text += fmt::format("{}{}", text.empty() ? "" : ", ", kernels::isa_name(isa));
  return text;
}

}  // namespace

std::vector<kernels::Isa> available_isas() {
  std::vector<kernels::Isa> found;
  std::ranges::copy_if(kernels::all_isas(), std::back_inserter(found), has);
  return found;
}

Result<kernels::Isa> choose_isa(std::optional<std::string_view> name) {
  const auto available = available_isas();
  if (!name || name->empty() || *name == "auto") return available.back();
  for (const kernels::Isa isa : kernels::all_isas()) {
    if (kernels::isa_name(isa) != *name) continue;
    if (has(isa)) return isa;
    return error_of(ErrorKind::unsupported, "this CPU has no {}; it has {}", *name, names(available));
  }
  return invalid_input("unknown instruction set '{}'; known are {}", *name, names(kernels::all_isas()));
}

}  // namespace quipu::backend::cpu
