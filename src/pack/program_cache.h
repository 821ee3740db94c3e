// The programs that heads of portable files have put into the user's caches.
#pragma once

#include <cstdint>
#include <filesystem>
#include <vector>

namespace quipu::pack {

struct CachedProgram {
  std::filesystem::path path;
  uint64_t size = 0;
  std::filesystem::file_time_type time;  // when it was put there
  bool is_partial = false;               // under its temporary name: being written, or left by a start that was killed
};

// The programs in a folder, newest first; other files are not touched or shown.
std::vector<CachedProgram> cached_programs(const std::filesystem::path& folder);

// When a head has just put `running` into a folder (under its temporary name), drops what is old there: of the other
// programs for the same system all but the newest three, and partial ones of more than a day. A program that is dropped
// though a file of its version is still in use costs that file's next start some milliseconds.
void drop_old_programs(const std::filesystem::path& running);

}  // namespace quipu::pack
