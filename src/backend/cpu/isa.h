// Which kernels this machine may run.
#pragma once

#include <optional>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "kernels/kernels.h"

namespace quipu::backend::cpu {

// Those that the CPU and the system allow, from weak to strong.
std::vector<kernels::Isa> available_isas();

// The strongest one, or the one named by `name` (--isa, QUIPU_ISA). An unknown name, or one that this CPU lacks, is an
// error that lists what there is.
Result<kernels::Isa> choose_isa(std::optional<std::string_view> name);

}  // namespace quipu::backend::cpu
