#include "pack/program_cache.h"

#include <algorithm>
#include <chrono>
#include <string>
#include <string_view>

namespace quipu::pack {
namespace {

constexpr size_t kKept = 3;
constexpr size_t kDigits = 12;  // of the program's sum at the end of its name, see dist/assemble.py

// "linux-x86_64" of "linux-x86_64-0123456789ab"; empty if it is no such name.
std::string_view target_of(std::string_view name) {
  if (name.size() < kDigits + 2 || name[name.size() - kDigits - 1] != '-') return {};
  const std::string_view digits = name.substr(name.size() - kDigits);
  if (digits.find_first_not_of("0123456789abcdef") != digits.npos) return {};
  return name.substr(0, name.size() - kDigits - 1);
}

// The name that ".NAME.PID" is to get, or empty.
std::string_view final_name(std::string_view name) {
  const size_t dot = name.rfind('.');
  if (!name.starts_with('.') || dot == 0) return {};
  const std::string_view pid = name.substr(dot + 1);
  if (pid.empty() || pid.find_first_not_of("0123456789") != pid.npos) return {};
  return name.substr(1, dot - 1);
}

}  // namespace

std::vector<CachedProgram> cached_programs(const std::filesystem::path& folder) {
  std::vector<CachedProgram> programs;
  std::error_code code;
  for (const auto& entry : std::filesystem::directory_iterator(folder, code)) {
    const std::string name = entry.path().filename().string();
    const bool is_partial = name.starts_with('.');
    if (target_of(is_partial ? final_name(name) : name).empty() || !entry.is_regular_file(code)) continue;
    CachedProgram program{.path = entry.path(), .size = entry.file_size(code), .time = {}, .is_partial = is_partial};
    program.time = entry.last_write_time(code);
    programs.push_back(std::move(program));
  }
  std::sort(programs.begin(), programs.end(),
            [](const CachedProgram& a, const CachedProgram& b) { return a.time > b.time; });
  return programs;
}

void drop_old_programs(const std::filesystem::path& running) {
  const std::string name = running.filename().string();
  const std::string_view target = target_of(final_name(name));
  if (target.empty()) return;  // nobody's cache
  const auto day_ago = std::filesystem::file_time_type::clock::now() - std::chrono::hours(24);
  std::error_code ignored;
  size_t n_others = 0;
  for (const CachedProgram& program : cached_programs(running.parent_path())) {
    const std::string other = program.path.filename().string();
    const bool is_old = program.is_partial ? program.time < day_ago : target_of(other) == target && n_others++ >= kKept;
    if (is_old && other != name) std::filesystem::remove(program.path, ignored);
  }
}

}  // namespace quipu::pack
