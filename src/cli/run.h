// The program: its words in, its exit code out.
#pragma once

#include <string>
#include <vector>

namespace quipu::cli {

// `arguments[0]` is the program's name as it was called. Errors and warnings are printed here and nowhere else.
int run_program(const std::vector<std::string>& arguments);

}  // namespace quipu::cli
