// The entry SHA256SUMS: a line for each other entry as `sha256sum -c` reads it, and a comment that tells of what is
// before the zip: "# front SIZE SUM", with the head in its portable form, so that switching it changes no sum.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "pack/zip.h"

namespace quipu::pack {

constexpr std::string_view kManifestName = "SHA256SUMS";

// The comment for the first `size` bytes of a file.
std::string front_line(std::span<const std::byte> file, uint64_t size);

struct Verification {
  bool has_sums = false;              // without a manifest only the zip's own CRCs were checked
  uint64_t n_checked = 0;             // entries, and the front
  std::vector<std::string> problems;  // what is wrong with what, a line each
};
// Reads everything. Errors: of the manifest itself (damaged, no text); cancelled.
Result<Verification> verify(const Zip& zip, const Progress& progress);

}  // namespace quipu::pack
