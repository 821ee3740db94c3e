#include "pack/manifest.h"

#include <algorithm>
#include <charconv>
#include <map>

#include "pack/head.h"
#include "pack/sha256.h"
#include "pack/zip_format.h"

namespace quipu::pack {
namespace {

constexpr std::string_view kFrontComment = "# front ";
constexpr size_t kDigits = 64;  // of a sum
constexpr uint64_t kMaxManifestBytes = 16U << 20;

struct Manifest {
  std::map<std::string, std::string, std::less<>> sums;
  std::string front_line;
};

// Lines that are no sum and no front are passed over, as `sha256sum` does it.
Manifest parsed(std::string_view text) {
  Manifest manifest;
  while (!text.empty()) {
    const size_t end = std::min(text.find('\n'), text.size());
    const std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    if (line.starts_with(kFrontComment)) manifest.front_line = std::string(line) + "\n";
    if (line.starts_with('#') || line.size() < kDigits + 3 || line[kDigits] != ' ') continue;
    manifest.sums.emplace(line.substr(kDigits + 2), line.substr(0, kDigits));
  }
  return manifest;
}

}  // namespace

std::string front_line(std::span<const std::byte> file, uint64_t size) {
  auto front = file.first(static_cast<size_t>(size));
  Sha256 sum;
  if (const Head own = head_of(file); own.form != HeadForm::none && size >= kHeadSize) {
    const std::string head = head_in_form(own, HeadForm::portable);
    sum.update(std::as_bytes(std::span(head)));
    front = front.subspan(head.size());
  }
  sum.update(front);
  return fmt::format("{}{} {}\n", kFrontComment, size, sum.hex());
}

Result<Verification> verify(const Zip& zip, const Progress& progress) {
  Verification result;
  Manifest manifest;
  if (const Entry* entry = zip.find(kManifestName)) {
    QUIPU_TRY(const std::string text, zip.read_small(*entry, kMaxManifestBytes));
    manifest = parsed(text);
    result.has_sums = true;
  }
  uint64_t done = 0, total = 0;
  for (const Entry& entry : zip.entries()) total += entry.size;
  const auto file = zip.file()->bytes();
  if (!manifest.front_line.empty()) {
    ++result.n_checked;
    uint64_t size = 0;
    const std::string_view number = std::string_view(manifest.front_line).substr(kFrontComment.size());
    std::from_chars(number.data(), number.data() + number.size(), size);
    if (size > zip.begin() || front_line(file, size) != manifest.front_line) {
      result.problems.push_back(fmt::format("the program in front ({} bytes) is damaged", size));
    }
  }
  for (const Entry& entry : zip.entries()) {
    if (entry.is_directory()) continue;
    Sha256 sum;
    const Status status = zip.read(entry, [&](std::span<const std::byte> bytes) -> Status {
      if (result.has_sums) sum.update(bytes);
      done += bytes.size();
      if (progress && !progress(done, total)) return error_of(ErrorKind::cancelled, "interrupted");
      return {};
    });
    if (!status.ok() && status.error().kind == ErrorKind::cancelled) return status.error();
    ++result.n_checked;
    const auto expected = manifest.sums.find(entry.name);
    if (!status.ok()) {
      result.problems.push_back(status.error().message);
    } else if (result.has_sums && entry.name != kManifestName && expected == manifest.sums.end()) {
      result.problems.push_back(fmt::format("'{}' is in the zip, but has no sum in {}", entry.name, kManifestName));
    } else if (expected != manifest.sums.end() && expected->second != sum.hex()) {
      result.problems.push_back(fmt::format("'{}' has another SHA-256 than {} says", entry.name, kManifestName));
    }
    if (expected != manifest.sums.end()) manifest.sums.erase(expected);
  }
  for (const auto& [name, sum] : manifest.sums) {
    result.problems.push_back(fmt::format("'{}' is in {}, but not in the zip", name, kManifestName));
  }
  return result;
}

}  // namespace quipu::pack
