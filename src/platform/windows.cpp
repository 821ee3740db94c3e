// The machine and the process, as Windows tells of them.
#include <windows.h>
// After windows.h, which it needs.
#include <psapi.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <vector>

#include "platform/cpu_permissions.h"
#include "platform/platform.h"
#include "platform/start.h"
#include "platform/system.h"
#include "platform/text_windows.h"

namespace quipu::platform {
namespace {

// A text of the registry below HKEY_LOCAL_MACHINE, or empty.
std::string registry_text(const wchar_t* key, const wchar_t* name) {
  std::array<wchar_t, 256> text{};
  DWORD bytes = sizeof text;
  if (RegGetValueW(HKEY_LOCAL_MACHINE, key, name, RRF_RT_REG_SZ, nullptr, text.data(), &bytes) != ERROR_SUCCESS) {
    return "";
  }
  return windows::narrow(text.data());
}

}  // namespace

std::vector<std::string> arguments_of_main(int, char**) {
  int n = 0;
  wchar_t** words = CommandLineToArgvW(GetCommandLineW(), &n);
  std::vector<std::string> arguments;
  for (int i = 0; words != nullptr && i < n; ++i) arguments.push_back(windows::narrow(words[i]));
  LocalFree(words);
  return arguments;
}

Result<std::filesystem::path> self_path() {
  return program_path();
}

Result<std::filesystem::path> program_path() {
  std::wstring path(MAX_PATH, L'\0');
  constexpr size_t kMaxPath = 32768;  // of the system's long paths
  for (;;) {
    const DWORD n = GetModuleFileNameW(nullptr, path.data(), static_cast<DWORD>(path.size()));
    if (n == 0 || path.size() > kMaxPath) {
      return error_of(ErrorKind::io, "cannot find the program's own file: {}", windows::error_text(GetLastError()));
    }
    if (n < path.size()) {
      path.resize(n);
      return std::filesystem::path(path);
    }
    path.resize(path.size() * 2);
  }
}

Memory memory() {
  MEMORYSTATUSEX status{};
  status.dwLength = sizeof status;
  if (!GlobalMemoryStatusEx(&status)) return {};
  return {.total_bytes = status.ullTotalPhys, .available_bytes = status.ullAvailPhys};
}

uint64_t peak_resident_bytes() {
  PROCESS_MEMORY_COUNTERS counters{};
  GetProcessMemoryInfo(GetCurrentProcess(), &counters, sizeof counters);
  return counters.PeakWorkingSetSize;
}

int n_physical_cores() {
  DWORD bytes = 0;
  GetLogicalProcessorInformationEx(RelationProcessorCore, nullptr, &bytes);
  std::vector<std::byte> records(bytes);
  auto* first = reinterpret_cast<SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX*>(records.data());
  if (records.empty() || !GetLogicalProcessorInformationEx(RelationProcessorCore, first, &bytes)) return 1;
  DWORD_PTR allowed = 0, of_system = 0;
  const bool limited = GetProcessAffinityMask(GetCurrentProcess(), &allowed, &of_system) && allowed != 0;
  int n = 0;
  for (DWORD at = 0; at < bytes;) {
    const auto* record = reinterpret_cast<const SYSTEM_LOGICAL_PROCESSOR_INFORMATION_EX*>(records.data() + at);
    const GROUP_AFFINITY& group = record->Processor.GroupMask[0];
    // The mask tells of the first group alone: machines with more than 64 processors have several.
    if (!limited || group.Group != 0 || (group.Mask & allowed) != 0) ++n;
    at += record->Size;
  }
  return std::max(1, n);
}

std::string cpu_name() {
  std::string name = registry_text(L"HARDWARE\\DESCRIPTION\\System\\CentralProcessor\\0", L"ProcessorNameString");
  while (name.ends_with(' ')) name.pop_back();
  return name.empty() ? "unknown CPU" : name;
}

std::string system_name() {
  constexpr const wchar_t* kVersion = L"SOFTWARE\\Microsoft\\Windows NT\\CurrentVersion";
  SYSTEM_INFO info{};
  GetNativeSystemInfo(&info);
  const bool arm = info.wProcessorArchitecture == PROCESSOR_ARCHITECTURE_ARM64;
  return fmt::format("{} build {} {}", registry_text(kVersion, L"ProductName"),
                     registry_text(kVersion, L"CurrentBuildNumber"), arm ? "arm64" : "x86_64");
}

std::string character_locale() {
  return fmt::format("code page {}", GetACP());
}

uint64_t raise_open_files_limit() {
  return 65536;  // handles are limited by memory alone; this many serve everybody
}

std::string local_time(const std::string& format) {
  const time_t now = time(nullptr);
  struct tm parts {};
  localtime_s(&parts, &now);
  std::array<char, 1024> text{};
  const size_t n = strftime(text.data(), text.size(), format.c_str(), &parts);
  return {text.data(), n};
}

std::vector<std::filesystem::path> program_cache_folders() {
  return {};
}

Status register_binary_format(const std::string&) {
  return error_of(ErrorKind::unsupported, "only Linux has binfmt_misc");
}

bool allow_amx_tiles() {
  // Windows 11 22H2: processors' optional state is asked for by this function, which older systems do not have.
  using Enable = BOOL(WINAPI*)(DWORD64);
  constexpr DWORD64 kTileData = 1ULL << 18;
  const HMODULE kernel = GetModuleHandleW(L"kernel32.dll");
  const auto enable =
      reinterpret_cast<Enable>(reinterpret_cast<void*>(GetProcAddress(kernel, "EnableProcessOptionalXStateFeatures")));
  return enable != nullptr && enable(kTileData);
}

bool grants_avx512_lazily() {
  return false;
}

}  // namespace quipu::platform
