// The first 64 bytes of a portable file, in their two forms: one that Windows starts and shells read, and one that
// every launcher on Unix takes for a script. Format: docs/formats/llamafile.md, 'The head'.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>

#include "base/result.h"

namespace quipu::pack {

enum class HeadForm : uint8_t {
  none,      // no portable file: a native program, a file of somebody else
  portable,  // MZ: Windows and shells
  script,    // #!: everything but Windows
};

constexpr size_t kHeadSize = 64;  // of a DOS header
// Windows starts no program of this size.
constexpr uint64_t kMaxPortableBytes = (uint64_t{4} << 30) - 1;

struct Head {
  HeadForm form = HeadForm::none;
  uint32_t nt_offset = 0;  // where the headers of the Windows program begin
};
Head head_of(std::span<const std::byte> file);
// The 64 bytes of `head` in another form. It must be a portable file's.
std::string head_in_form(const Head& head, HeadForm form);

// Writes the other form over the first bytes of a portable file, in place. Errors: invalid_input for another file;
// unsupported for a portable form of more than 4 GiB; io.
Status switch_head(const std::filesystem::path& path, HeadForm form);

}  // namespace quipu::pack
