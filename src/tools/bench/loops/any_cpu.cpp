#include "tools/bench/loops.h"

namespace quipu::tools {

AvailableLoops available_loops() {
  AvailableLoops available;
  available.tables[available.n++] = loops::generic;
  return available;
}

}  // namespace quipu::tools
