#include <algorithm>
#include <charconv>
#include <cstring>

#include "pack/llamafile.h"

namespace quipu::pack {
namespace {

constexpr std::string_view kGgufMagic = "GGUF";
constexpr uint64_t kMaxArgsBytes = 1U << 20;

bool is_gguf_name(std::string_view name) {
  constexpr std::string_view kSuffix = ".gguf";
  return name.size() > kSuffix.size() &&
         std::equal(kSuffix.rbegin(), kSuffix.rend(), name.rbegin(),
                    [](char a, char b) { return a == (b >= 'A' && b <= 'Z' ? b + ('a' - 'A') : b); });
}

bool starts_with_magic(const platform::MappedFile& file) {
  return file.bytes().size() >= kGgufMagic.size() &&
         std::memcmp(file.bytes().data(), kGgufMagic.data(), kGgufMagic.size()) == 0;
}

// "x-00002-of-00003.gguf": what is before "-00002", and the numbers.
struct SplitName {
  std::string_view prefix;
  uint32_t part = 0, n_parts = 0;
};
std::optional<SplitName> split_name(std::string_view name) {
  constexpr size_t kTail = std::string_view("-00001-of-00003.gguf").size();
  if (!is_gguf_name(name) || name.size() <= kTail) return std::nullopt;
  const std::string_view tail = name.substr(name.size() - kTail);
  if (tail[0] != '-' || tail.substr(6, 4) != "-of-") return std::nullopt;
  SplitName split{.prefix = name.substr(0, name.size() - kTail)};
  const auto number = [](std::string_view digits, uint32_t& value) {
    const auto [end, code] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return code == std::errc() && end == digits.data() + digits.size();
  };
  if (!number(tail.substr(1, 5), split.part) || !number(tail.substr(10, 5), split.n_parts)) return std::nullopt;
  return split;
}

Result<Extent> extent_of(const Zip& zip, const Entry& entry) {
  QUIPU_CHECK_OK(zip.stored_data(entry));
  return Extent{zip.file(), entry.data_offset, entry.size,
                fmt::format("{}@{}", zip.file()->path().filename().string(), entry.name)};
}

// The entry and, if it is the first part of a split model, the others.
Result<ModelPlace> model_of_entry(const Zip& zip, const Entry& entry) {
  ModelPlace place;
  const auto split = split_name(entry.name);
  if (!split || split->part != 1 || split->n_parts < 2) {
    QUIPU_TRY(Extent extent, extent_of(zip, entry));
    place.parts.push_back(std::move(extent));
    return place;
  }
  for (uint32_t part = 1; part <= split->n_parts; ++part) {
    const std::string name = fmt::format("{}-{:05}-of-{:05}.gguf", split->prefix, part, split->n_parts);
    const Entry* found = zip.find(name);
    if (found == nullptr) {
      return error_of(ErrorKind::not_found, "{}: entry '{}' of the split model is missing", zip.file()->path().string(),
                      name);
    }
    QUIPU_TRY(Extent extent, extent_of(zip, *found));
    place.parts.push_back(std::move(extent));
  }
  return place;
}

std::string joined(const std::vector<const Entry*>& entries) {
  constexpr size_t kShown = 20;
  std::string text;
  for (size_t i = 0; i < std::min(entries.size(), kShown); ++i) text += (i == 0 ? "" : ", ") + entries[i]->name;
  if (entries.size() > kShown) text += fmt::format(" and {} more", entries.size() - kShown);
  return text;
}

// The models, a split one by its first part only, in the order of the zip.
std::vector<const Entry*> models_in(const Zip& zip) {
  std::vector<const Entry*> models;
  for (const Entry& entry : zip.entries()) {
    if (!is_gguf_name(entry.name)) continue;
    const auto split = split_name(entry.name);
    if (!split || split->part == 1) models.push_back(&entry);
  }
  return models;
}

Result<ModelPlace> model_in(const Zip& zip, std::string_view name) {
  const Entry* entry = zip.find(name);
  if (entry == nullptr) {
    const auto models = models_in(zip);
    return error_of(ErrorKind::not_found, "{}: there is no '{}' inside; models: {}", zip.file()->path().string(), name,
                    models.empty() ? "none" : joined(models));
  }
  return model_of_entry(zip, *entry);
}

Result<Zip> open_zip(const std::filesystem::path& path) {
  QUIPU_TRY(const auto file, platform::MappedFile::open(path));
  QUIPU_TRY(auto zip, Zip::find(file));
  if (!zip) return invalid_input("{}: is neither a GGUF model nor a file with a zip at its end", path.string());
  return std::move(*zip);
}

}  // namespace

Result<ModelPlace> only_model(const Zip& zip) {
  const auto models = models_in(zip);
  const std::string path = zip.file()->path().string();
  if (models.empty()) return error_of(ErrorKind::not_found, "{}: there is no model inside", path);
  if (models.size() > 1) {
    return invalid_input("{}: there are {} models inside: choose one with -m: {}", path, models.size(), joined(models));
  }
  return model_of_entry(zip, *models.front());
}

Result<ModelPlace> locate_model(const std::string& name, const Zip* self) {
  std::error_code code;
  if (std::filesystem::exists(name, code)) {
    QUIPU_TRY(const auto file, platform::MappedFile::open(name));
    if (starts_with_magic(*file)) return ModelPlace{.path = name, .parts = {}};
    QUIPU_TRY(const auto zip, Zip::find(file));
    if (!zip) return ModelPlace{.path = name, .parts = {}};  // the reader of models says what is wrong with it
    return only_model(*zip);
  }
  for (size_t at = name.find('@'); at != name.npos; at = name.find('@', at + 1)) {
    const std::string path = name.substr(0, at);
    if (path.empty() || !std::filesystem::exists(path, code)) continue;
    QUIPU_TRY(const Zip zip, open_zip(path));
    return model_in(zip, std::string_view(name).substr(at + 1));
  }
  if (self == nullptr) return error_of(ErrorKind::not_found, "{}: no such file", name);
  // Users of Mozilla's files name entries by the folder under which their C library shows them.
  constexpr std::string_view kZipFolder = "/zip/";
  const std::string_view inside =
      name.starts_with(kZipFolder) ? std::string_view(name).substr(kZipFolder.size()) : std::string_view(name);
  const Entry* entry = self->find(inside);
  if (entry != nullptr) return model_of_entry(*self, *entry);
  const auto models = models_in(*self);
  return error_of(ErrorKind::not_found, "{}: no such file on disk or inside {}; models inside: {}", name,
                  self->file()->path().string(), models.empty() ? "none" : joined(models));
}

Result<DefaultArgs> default_args(const Zip& zip, const Environment& environment) {
  const Entry* entry = zip.find(kArgsName);
  if (entry == nullptr) return DefaultArgs{};
  QUIPU_TRY(const std::string text, zip.read_small(*entry, kMaxArgsBytes));
  auto args = parse_args(text, environment);
  if (!args.ok()) return args.error().within(zip.file()->path().string());
  return args;
}

}  // namespace quipu::pack
