#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "platform/start.h"
#include "platform/terminal.h"

namespace quipu::platform {

std::vector<std::filesystem::path> program_cache_folders() {
  const auto value = [](const char* name) { return environment(name).value_or(""); };
  std::vector<std::filesystem::path> candidates;
  if (const std::string given = value("QUIPU_CACHE"); !given.empty()) candidates.emplace_back(given);
  if (const std::string home = value("HOME"); !home.empty()) {
    candidates.push_back(std::filesystem::path(home) / "Library" / "Caches" / "quipu");
    candidates.push_back(std::filesystem::path(home) / ".cache" / "quipu");
  }
  if (const std::string cache = value("XDG_CACHE_HOME"); cache.starts_with('/')) {
    candidates.push_back(std::filesystem::path(cache) / "quipu");
  }
  const std::string own = "quipu-" + std::to_string(getuid());
  const std::string temporary = value("TMPDIR");
  for (const std::string& shared :
       {temporary.empty() ? "/tmp" : temporary, std::string("/var/tmp"), std::string("/dev/shm")}) {
    candidates.push_back(std::filesystem::path(shared) / own);
  }
  std::vector<std::filesystem::path> folders;
  for (const auto& path : candidates) {
    struct stat info {};
    const bool mine = lstat(path.c_str(), &info) == 0 && S_ISDIR(info.st_mode) && info.st_uid == getuid() &&
                      (info.st_mode & (S_IWGRP | S_IWOTH)) == 0;
    if (mine && std::find(folders.begin(), folders.end(), path) == folders.end()) folders.push_back(path);
  }
  return folders;
}

}  // namespace quipu::platform
