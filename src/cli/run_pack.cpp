// quipu pack and quipu unpack.
#include "cli/model_file.h"
#include "cli/packing.h"
#include "cli/parse.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "gguf/gguf.h"
#include "pack/llamafile.h"
#include "platform/platform.h"

namespace quipu::cli {
namespace {

// The parts of the model that MODEL.gguf begins, each a file. Refuses what this program could not run later.
Result<std::vector<std::filesystem::path>> model_parts(const std::filesystem::path& path) {
  QUIPU_TRY(const gguf::File file, gguf::File::open(path));
  QUIPU_TRY(const auto n_parts, file.get<uint32_t>("split.count"));
  std::vector<std::filesystem::path> parts{path};
  constexpr std::string_view kFirst = "-00001-of-";
  const std::string name = path.filename().string();
  const size_t at = name.rfind(kFirst);
  if (at == name.npos) return parts;
  for (uint32_t part = 2; part <= n_parts.value_or(1); ++part) {
    std::string other = name;
    other.replace(at, 6, fmt::format("-{:05}", part));
    parts.push_back(path.parent_path() / other);
  }
  return parts;
}

// Default arguments with a typo would make a file that does not start.
Status check_default_args(const std::string& path) {
  if (path.empty()) return {};
  QUIPU_TRY(const std::string text, platform::read_file(path, 1U << 20));
  const auto args = pack::parse_args(text, [](const std::string&) { return std::nullopt; });
  if (!args.ok()) return args.error().within(path);
  const auto parsed = parse_words(args->words, kMainModes, Options());
  // A variable that stands for a number is empty now: only what can't depend on one is an error.
  if (!parsed.ok() && text.find('$') == text.npos) return parsed.error().within(path);
  return {};
}

}  // namespace

Result<int> run_pack(const Invocation& invocation) {
  if (invocation.positional.size() != 2) {
    return invalid_input(
        "pack needs the file to write and a model: pack OUT MODEL.gguf [--args FILE] [--with FILE...]");
  }
  pack::PackRequest request;
  request.out = invocation.positional[0];
  request.args = invocation.options.args_file;
  request.with.assign(invocation.options.with.begin(), invocation.options.with.end());
  request.model_name = invocation.options.name;
  request.with_sums = invocation.options.sums;
  QUIPU_TRY(request.models, model_parts(invocation.positional[1]));
  QUIPU_CHECK_OK(check_default_args(invocation.options.args_file));
  QUIPU_TRY(request.program, own_file(invocation));
  const platform::InterruptGuard guard;
  ProgressLine line("packing");
  QUIPU_CHECK_OK(pack::pack(request, progress_on(line)));
  return 0;
}

Result<int> run_unpack(const Invocation& invocation) {
  auto names = invocation.positional;
  std::optional<pack::Zip> zip = invocation.self;
  std::error_code code;
  const bool own = invocation.self && (names.empty() || invocation.self->find(names[0]) != nullptr);
  if (!own) {
    if (names.empty()) {
      if (invocation.self_error) return *invocation.self_error;
      return invalid_input("unpack needs a file: unpack FILE [-d FOLDER] [NAME...]");
    }
    QUIPU_TRY(zip, open_zip(names[0]));
    names.erase(names.begin());
  }
  const platform::InterruptGuard guard;
  ProgressLine line("unpacking");
  pack::UnpackRequest request{
      .folder = invocation.options.folder, .names = names, .overwrite = invocation.options.force};
  QUIPU_TRY(const auto paths, pack::unpack(*zip, request, progress_on(line)));
  Output out;
  for (const auto& path : paths) out.write(path.string() + "\n");
  return out.finish();
}

}  // namespace quipu::cli
