#include "server/service/files.h"

#include <algorithm>
#include <array>
#include <filesystem>

#include "platform/platform.h"
#include "server/api/errors.h"

namespace quipu::server {
namespace {

constexpr uint64_t kMostBytes = 64U << 20;

const char* type_of(const std::filesystem::path& path) {
  constexpr std::array<std::array<const char*, 2>, 12> kTypes{{{".html", "text/html; charset=utf-8"},
                                                               {".js", "text/javascript; charset=utf-8"},
                                                               {".mjs", "text/javascript; charset=utf-8"},
                                                               {".css", "text/css; charset=utf-8"},
                                                               {".json", "application/json"},
                                                               {".txt", "text/plain; charset=utf-8"},
                                                               {".svg", "image/svg+xml"},
                                                               {".png", "image/png"},
                                                               {".jpg", "image/jpeg"},
                                                               {".ico", "image/x-icon"},
                                                               {".wasm", "application/wasm"},
                                                               {".woff2", "font/woff2"}}};
  for (const auto& [extension, type] : kTypes) {
    if (path.extension() == extension) return type;
  }
  return "application/octet-stream";
}

}  // namespace

void serve_file(const std::string& folder, Exchange& exchange) {
  namespace fs = std::filesystem;
  std::error_code error;
  const auto not_found = [&] { exchange.respond(error_response(api_error(404, "there is no such file here"))); };
  const fs::path root = fs::canonical(folder, error);
  if (error) return not_found();
  fs::path path = fs::canonical(root / exchange.request().path.substr(1), error);
  if (!error && fs::is_directory(path, error)) path = fs::canonical(path / "index.html", error);
  if (error || !fs::is_regular_file(path, error)) return not_found();
  const auto [end, unused] = std::mismatch(root.begin(), root.end(), path.begin(), path.end());
  if (end != root.end()) return not_found();
  auto content = platform::read_file(path, kMostBytes);
  if (!content.ok()) return not_found();
  exchange.respond({200, type_of(path), std::move(*content), {}});
}

}  // namespace quipu::server
