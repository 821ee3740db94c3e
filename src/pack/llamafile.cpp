#include "pack/llamafile.h"

#include <algorithm>

#include "base/check.h"
#include "pack/head.h"
#include "pack/manifest.h"

namespace quipu::pack {
namespace {

// What of a program file goes to the front of another: bytes, and those entries of its zip that lie in them.
struct Front {
  uint64_t size = 0;
  std::optional<Zip> zip;
  std::vector<Entry> programs;
};

bool is_program_entry(const Entry& entry) {
  return entry.name.starts_with(kProgramFolder);
}

// Of a portable file all programs, which stand before everything else; of a native one what is before its zip.
Result<Front> front_of(const std::shared_ptr<const platform::MappedFile>& program) {
  Front front{.size = program->bytes().size(), .zip = {}, .programs = {}};
  QUIPU_TRY(front.zip, Zip::find(program));
  if (!front.zip) return front;
  front.size = front.zip->begin();
  if (head_of(program->bytes()).form == HeadForm::none) return front;
  uint64_t first_other = program->bytes().size();
  for (const Entry& entry : front.zip->entries()) {
    if (!is_program_entry(entry)) {
      first_other = std::min(first_other, entry.header_offset);
      continue;
    }
    front.programs.push_back(entry);
    front.size = std::max(front.size, entry.data_offset + entry.compressed_size);
  }
  if (front.size > first_other) {
    return invalid_input("{}: its programs do not stand before its other entries", program->path().string());
  }
  return front;
}

// A file that comes to have `size_behind` bytes behind the front, and some for each entry.
Status write_front(const platform::MappedFile& program, const Front& front, uint64_t size_behind,
                   platform::OutputFile& out, ZipWriter& writer) {
  uint64_t copied = 0;
  if (const Head own = head_of(program.bytes()); own.form != HeadForm::none) {
    constexpr uint64_t kSlack = 64U << 20;  // headers, paddings and the directory
    const bool small = front.size + size_behind + kSlack <= kMaxPortableBytes;
    const std::string head = head_in_form(own, small ? HeadForm::portable : HeadForm::script);
    QUIPU_CHECK_OK(out.write(std::as_bytes(std::span(head))));
    copied = head.size();
  }
  QUIPU_CHECK_OK(out.append_from(program, copied, front.size - copied));
  for (const Entry& entry : front.programs) QUIPU_CHECK_OK(writer.keep(*front.zip, entry));
  return {};
}

Status finish(ZipWriter& writer, const platform::MappedFile& program, const Front& front, bool with_sums) {
  if (with_sums) {
    const uint64_t before_zip = front.zip ? front.zip->begin() : front.size;
    const std::string manifest = front_line(program.bytes(), before_zip) + writer.sums();
    QUIPU_CHECK_OK(writer.add(std::string(kManifestName), std::as_bytes(std::span(manifest))));
  }
  return writer.finish();
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
  const bool named = request.models.size() == 1 && !request.model_name.empty();
  for (const auto& model : request.models) {
    QUIPU_CHECK_OK(add(model, named ? request.model_name : model.filename().string()));
  }
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

// The progress of one file of `size` bytes, behind `before` of `total`. What it is told counts the work on that file
// (its data twice, its holes not), the whole counts bytes of files.
Progress part_of(const Progress& progress, uint64_t before, uint64_t size, uint64_t total) {
  return [=](uint64_t done, uint64_t of) {
    const double share = of == 0 ? 1.0 : static_cast<double>(done) / static_cast<double>(of);
    return !progress || progress(before + static_cast<uint64_t>(share * static_cast<double>(size)), total);
  };
}

}  // namespace

Status pack(const PackRequest& request, const Progress& progress) {
  QUIPU_CHECK(request.program != nullptr);
  QUIPU_TRY(const auto inputs, open_inputs(request));
  QUIPU_CHECK_OK(check_args(inputs));
  QUIPU_CHECK_OK(check_output(request, inputs));
  QUIPU_TRY(const Front front, front_of(request.program));
  QUIPU_TRY(auto out, platform::OutputFile::create(request.out, true));
  ZipWriter writer(out, request.with_sums);
  const uint64_t total = total_size(inputs);
  QUIPU_CHECK_OK(write_front(*request.program, front, total, out, writer));
  uint64_t before = 0;
  for (const Input& input : inputs) {
    const uint64_t size = input.file->bytes().size();
    QUIPU_CHECK_OK(writer.add_file(input.name, *input.file, false, part_of(progress, before, size, total)));
    before += size;
  }
  QUIPU_CHECK_OK(finish(writer, *request.program, front, request.with_sums));
  return out.commit();
}

Status upgrade(UpgradeRequest request, const Progress& progress) {
  QUIPU_CHECK(request.program != nullptr);
  QUIPU_TRY(const Front front, front_of(request.program));
  const bool ours = head_of(request.zip.file()->bytes()).form != HeadForm::none;
  std::vector<const Entry*> entries;
  uint64_t total = 0;
  for (const Entry& entry : request.zip.entries()) {
    if (entry.is_directory() || (ours && is_program_entry(entry)) || entry.name == kManifestName) continue;
    entries.push_back(&entry);
    total += entry.size;
  }
  QUIPU_TRY(auto out, platform::OutputFile::create(request.out, true));
  ZipWriter writer(out, request.with_sums);
  QUIPU_CHECK_OK(write_front(*request.program, front, total, out, writer));
  uint64_t before = 0;
  for (const Entry* entry : entries) {
    QUIPU_CHECK_OK(writer.add_entry(request.zip, *entry, part_of(progress, before, entry->size, total)));
    before += entry->size;
  }
  QUIPU_CHECK_OK(finish(writer, *request.program, front, request.with_sums));
  {
    // Windows replaces no file that is mapped.
    const Zip closed = std::move(request.zip);
    request.program.reset();
  }
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
