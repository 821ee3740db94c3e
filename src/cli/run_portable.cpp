// quipu upgrade, verify, assimilate, cache and binfmt: what is done with a portable file as such.
#include "cli/packing.h"
#include "pack/head.h"
#include "pack/llamafile.h"
#include "pack/manifest.h"
#include "pack/program_cache.h"
#include "platform/start.h"

namespace quipu::cli {

Result<std::shared_ptr<const platform::MappedFile>> own_file(const Invocation& invocation) {
  if (invocation.self) return invocation.self->file();
  QUIPU_TRY(const auto path, platform::self_path());
  return platform::MappedFile::open(path);
}

Result<pack::Zip> open_zip(const std::string& path) {
  QUIPU_TRY(auto file, platform::MappedFile::open(path));
  QUIPU_TRY(auto zip, pack::Zip::find(std::move(file)));
  if (!zip) return invalid_input("{}: has no zip at its end", path);
  return std::move(*zip);
}

pack::Progress progress_on(ProgressLine& line) {
  return [&line](uint64_t done, uint64_t total) {
    line.show(done, total);
    return !platform::InterruptGuard::take();
  };
}

Result<int> run_upgrade(const Invocation& invocation) {
  const auto& words = invocation.positional;
  if (words.empty() || words.size() > 2) return invalid_input("upgrade needs a llamafile: upgrade FILE [OUT]");
  QUIPU_TRY(auto zip, open_zip(words[0]));
  QUIPU_TRY(auto program, own_file(invocation));
  pack::UpgradeRequest request{
      .program = std::move(program), .zip = std::move(zip), .out = words.back(), .with_sums = invocation.options.sums};
  const platform::InterruptGuard guard;
  ProgressLine line("upgrading");
  QUIPU_CHECK_OK(pack::upgrade(std::move(request), progress_on(line)));
  return 0;
}

Result<int> run_verify(const Invocation& invocation) {
  const auto& words = invocation.positional;
  if (words.size() > 1) return invalid_input("verify takes one file");
  std::optional<pack::Zip> zip = invocation.self;
  if (!words.empty()) {
    QUIPU_TRY(zip, open_zip(words[0]));
  } else if (!zip) {
    if (invocation.self_error) return *invocation.self_error;
    return invalid_input("verify needs a file: verify FILE");
  }
  const platform::InterruptGuard guard;
  pack::Verification result;
  {
    ProgressLine line("reading");
    QUIPU_TRY(result, pack::verify(*zip, progress_on(line)));
  }
  Output out;
  for (const std::string& problem : result.problems) out.write(problem + "\n");
  if (result.problems.empty()) {
    out.write(fmt::format("{} parts are whole{}\n", result.n_checked,
                          result.has_sums ? "" : " by their CRCs; there are no SHA-256 sums"));
  }
  return out.finish(result.problems.empty() ? 0 : kExitError);
}

Result<int> run_assimilate(const Invocation& invocation) {
  if (invocation.positional.size() != 1) return invalid_input("assimilate needs a file: assimilate FILE [--undo]");
  const auto form = invocation.options.undo ? pack::HeadForm::portable : pack::HeadForm::script;
  QUIPU_CHECK_OK(pack::switch_head(invocation.positional[0], form));
  return 0;
}

Result<int> run_cache(const Invocation& invocation) {
  const auto& words = invocation.positional;
  const bool clear = words == std::vector<std::string>{"clear"};
  if (!words.empty() && !clear) return invalid_input("cache takes nothing or `clear`");
  Output out;
  for (const auto& folder : platform::program_cache_folders()) {
    for (const auto& program : pack::cached_programs(folder)) {
      std::error_code code;
      if (clear && !std::filesystem::remove(program.path, code)) {
        return error_of(ErrorKind::io, "{}: cannot remove: {}", program.path.string(), code.message());
      }
      out.write(fmt::format("{}{} ({} bytes{})\n", clear ? "removed " : "", program.path.string(), program.size,
                            program.is_partial ? ", partial" : ""));
    }
  }
  return out.finish();
}

Result<int> run_binfmt(const Invocation& invocation) {
  // What begins like the head of a portable file is for sh. A line registered later than others is asked first.
  constexpr std::string_view kLine = ":quipu:M::MZ=q\\x0acase $Q$KSH::/bin/sh:";
  const auto& words = invocation.positional;
  const bool now = words == std::vector<std::string>{"register"};
  if (!words.empty() && !now) return invalid_input("binfmt takes nothing or `register`");
  if (now) {
    QUIPU_CHECK_OK(platform::register_binary_format(std::string(kLine)));
    return 0;
  }
  Output out;
  out.write(fmt::format("{}\n", kLine));
  return out.finish();
}

}  // namespace quipu::cli
