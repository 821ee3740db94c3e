#include "pack/head.h"

#include <charconv>
#include <string_view>

#include "base/check.h"
#include "pack/zip_format.h"
#include "platform/patch.h"
#include "platform/platform.h"

namespace quipu::pack {
namespace {

using namespace std::string_view_literals;

// A DOS header to Windows, an assignment and commands to a shell; dist/assemble.py writes the same. ksh93, whose
// version begins with V, can't read the NULs that follow, so it hands over to sh.
constexpr std::string_view kPortable = "MZ=q\ncase $Q$KSH_VERSION in V*)Q=1 exec sh \"$0\" \"$@\";;esac\n";
constexpr size_t kNtOffsetAt = 60;  // in a DOS header
// Without NULs: bash takes a file with one in its first two lines for no script. The offset is kept in digits.
constexpr std::string_view kScript = "#!/bin/sh\n# NT header at 0x";
constexpr size_t kDigits = 8;

bool has_nt_header(std::span<const std::byte> file, uint32_t offset) {
  constexpr size_t kMaxOffset = 4096;  // headers of programs end before their first section, which begins there
  return offset <= kMaxOffset && file.size() >= kMaxOffset + 4 && format::text(file.subspan(offset, 4)) == "PE\0\0"sv;
}

}  // namespace

Head head_of(std::span<const std::byte> file) {
  if (file.size() < kHeadSize) return {};
  const std::string_view begin = format::text(file.first(kHeadSize));
  Head head;
  if (begin.starts_with(kPortable)) {
    head = {HeadForm::portable, format::u32(file, kNtOffsetAt)};
  } else if (begin.starts_with(kScript)) {
    const char* digits = begin.data() + kScript.size();
    head.form = HeadForm::script;
    if (std::from_chars(digits, digits + kDigits, head.nt_offset, 16).ptr != digits + kDigits) return {};
  }
  const bool known = head.form != HeadForm::none && has_nt_header(file, head.nt_offset);
  return known && begin == head_in_form(head, head.form) ? head : Head{};
}

std::string head_in_form(const Head& head, HeadForm form) {
  QUIPU_CHECK(head.form != HeadForm::none && form != HeadForm::none);
  if (form == HeadForm::script) {
    std::string text = fmt::format("{}{:08x} ", kScript, head.nt_offset);
    text.resize(kHeadSize, '#');
    return text;
  }
  std::string text(kPortable);
  text.resize(kNtOffsetAt, '#');
  format::RecordBuilder offset;
  offset.u32(head.nt_offset);
  return text + std::string(format::text(offset.bytes()));
}

Status switch_head(const std::filesystem::path& path, HeadForm form) {
  std::string bytes;
  {
    // Closed before writing: Windows lets nobody write to a mapped file.
    QUIPU_TRY(const auto file, platform::MappedFile::open(path));
    const Head head = head_of(file->bytes());
    if (head.form == HeadForm::none) {
      return invalid_input("{}: is no portable file of quipu: `quipu upgrade` makes one of a llamafile", path.string());
    }
    if (head.form == form) return {};
    if (form == HeadForm::portable && file->bytes().size() > kMaxPortableBytes) {
      return error_of(ErrorKind::unsupported, "{}: Windows starts no file of more than 4 GiB, so it stays a script",
                      path.string());
    }
    bytes = head_in_form(head, form);
  }
  return platform::overwrite_beginning(path, std::as_bytes(std::span(bytes)));
}

}  // namespace quipu::pack
