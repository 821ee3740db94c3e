#include "pack/llamafile.h"

#include <algorithm>

#include "base/check.h"

namespace quipu::pack {
namespace {

// The program alone: of a packed file, what is before its zip.
Status copy_program(const std::shared_ptr<const platform::MappedFile>& program, platform::OutputFile& out) {
  QUIPU_TRY(const auto zip, Zip::find(program));
  return out.append_from(*program, 0, zip ? zip->begin() : program->bytes().size());
}

// Zeros become a hole.
Status write_sparsely(platform::OutputFile& out, std::span<const std::byte> bytes) {
  const bool zeros = std::all_of(bytes.begin(), bytes.end(), [](std::byte b) { return b == std::byte{0}; });
  return zeros ? out.skip_to(out.position() + bytes.size()) : out.write(bytes);
}

struct Input {
  std::string name;
  std::shared_ptr<const platform::MappedFile> file;
};

// Opens everything before anything is written.
Result<std::vector<Input>> open_inputs(const PackRequest& request) {
  std::vector<Input> inputs;
  const auto add = [&](const std::filesystem::path& path, std::string name) -> Status {
    auto file = platform::MappedFile::open(path);
    if (!file.ok()) return file.error();
    inputs.push_back({std::move(name), std::move(*file)});
    return {};
  };
  for (const auto& model : request.models) QUIPU_CHECK_OK(add(model, model.filename().string()));
  if (!request.args.empty()) QUIPU_CHECK_OK(add(request.args, std::string(kArgsName)));
  for (const auto& path : request.with) QUIPU_CHECK_OK(add(path, path.filename().string()));
  return inputs;
}

Status check_args(const std::vector<Input>& inputs) {
  for (const Input& input : inputs) {
    if (input.name != kArgsName) continue;
    const auto bytes = input.file->bytes();
    const auto parsed = parse_args({reinterpret_cast<const char*>(bytes.data()), bytes.size()},
                                   [](const std::string&) { return std::nullopt; });
    if (!parsed.ok()) return parsed.error().within(input.file->path().string());
  }
  return {};
}

// An output among the inputs would replace what is being read.
Status check_output(const PackRequest& request, const std::vector<Input>& inputs) {
  std::error_code code;
  for (const Input& input : inputs) {
    if (std::filesystem::equivalent(request.out, input.file->path(), code)) {
      return invalid_input("{}: is an input and can't be the output too", request.out.string());
    }
  }
  return {};
}

uint64_t total_size(const std::vector<Input>& inputs) {
  uint64_t total = 0;
  for (const Input& input : inputs) total += input.file->bytes().size();
  return total;
}

}  // namespace

Status pack(const PackRequest& request, const Progress& progress) {
  QUIPU_CHECK(request.program != nullptr);
  QUIPU_TRY(const auto inputs, open_inputs(request));
  QUIPU_CHECK_OK(check_args(inputs));
  QUIPU_CHECK_OK(check_output(request, inputs));
  QUIPU_TRY(auto out, platform::OutputFile::create(request.out, true));
  QUIPU_CHECK_OK(copy_program(request.program, out));
  ZipWriter writer(out);
  const uint64_t total = total_size(inputs);
  uint64_t before = 0;
  for (const Input& input : inputs) {
    const uint64_t size = input.file->bytes().size();
    const Progress part = [&](uint64_t done, uint64_t of) {
      // `of` counts the work on this file (its data twice, its holes not), the total counts bytes of files.
      const double share = of == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(of);
      return !progress || progress(before + static_cast<uint64_t>(share * static_cast<double>(size)), total);
    };
    QUIPU_CHECK_OK(writer.add_file(input.name, *input.file, false, part));
    before += size;
  }
  QUIPU_CHECK_OK(writer.finish());
  return out.commit();
}

namespace {

Result<std::vector<const Entry*>> chosen_entries(const Zip& zip, const std::vector<std::string>& names) {
  std::vector<const Entry*> chosen;
  for (const Entry& entry : zip.entries()) {
    if (names.empty() && !entry.is_directory()) chosen.push_back(&entry);
  }
  for (const std::string& name : names) {
    const Entry* entry = zip.find(name);
    if (entry == nullptr || entry->is_directory()) {
      return error_of(ErrorKind::not_found, "{}: there is no '{}' inside", zip.file()->path().string(), name);
    }
    chosen.push_back(entry);
  }
  return chosen;
}

}  // namespace

Result<std::vector<std::filesystem::path>> unpack(const Zip& zip, const UnpackRequest& request,
                                                  const Progress& progress) {
  QUIPU_TRY(const auto chosen, chosen_entries(zip, request.names));
  std::vector<std::filesystem::path> paths;
  uint64_t done = 0, total = 0;
  std::error_code code;
  for (const Entry* entry : chosen) {
    total += entry->size;
    paths.push_back(request.folder / entry->name);
    if (!request.overwrite && std::filesystem::exists(paths.back(), code)) {
      return error_of(ErrorKind::io, "{}: exists already (--force overwrites it)", paths.back().string());
    }
  }
  for (size_t i = 0; i < chosen.size(); ++i) {
    std::filesystem::create_directories(paths[i].parent_path(), code);
    QUIPU_TRY(auto out, platform::OutputFile::create(paths[i], (chosen[i]->mode & 0100) != 0));
    QUIPU_CHECK_OK(zip.read(*chosen[i], [&](std::span<const std::byte> bytes) -> Status {
      done += bytes.size();
      if (progress && !progress(done, total)) return error_of(ErrorKind::cancelled, "interrupted");
      return write_sparsely(out, bytes);
    }));
    QUIPU_CHECK_OK(out.commit());
  }
  return paths;
}

}  // namespace quipu::pack
