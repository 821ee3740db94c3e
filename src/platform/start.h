// What `main` needs of the system before anything else, and where the head of a portable file puts programs.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "base/result.h"

namespace quipu::platform {

// The words of the command line in UTF-8, the program's name first.
std::vector<std::string> arguments_of_main(int argc, char** argv);

// The file that the processor runs. self_path() is the file that the user started: this one, or the portable file whose
// head took this program out of it and named itself in $QUIPU_SELF. The first call of self_path() removes that
// variable, so that no child process sees it.
Result<std::filesystem::path> program_path();

// The folders that a head may have put programs in, those that exist and that nobody else can write to; the order is
// that of dist/head.sh. Empty on Windows, where the portable file is itself the program.
std::vector<std::filesystem::path> program_cache_folders();

// Registers a line with Linux's binfmt_misc. Errors: unsupported on other systems, io (not root, not mounted).
Status register_binary_format(const std::string& line);

}  // namespace quipu::platform
