// File: the parts of a model joined, and its tensors found by name.
#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <utility>

#include "gguf/directory.h"
#include "gguf/gguf.h"
#include "gguf/printable.h"
#include "gguf/scalar.h"
#include "gguf/state.h"

namespace quipu::gguf {
namespace {

// llama.cpp's tools write a few hundred parts for the largest models; every part is an open mapping.
constexpr uint32_t kMaxParts = 1024;

std::string_view tensor_name(const Tensor& tensor) {
  return tensor.name;
}

template <typename T>
Result<std::optional<T>> number_of(const Directory& directory, std::string_view key) {
  const Entry* entry = directory.find(key);
  if (entry == nullptr) return std::optional<T>();
  const auto number = scalar_at<T>(entry->value.type, entry->value.bytes.data());
  if (!number) return invalid_input("key {} at byte {}: no number that fits", in_quotes(key), entry->offset);
  return number;
}

Result<Split> split_of(const Directory& directory) {
  Split split;
  QUIPU_TRY(const auto count, number_of<uint32_t>(directory, "split.count"));
  QUIPU_TRY(const auto number, number_of<uint32_t>(directory, "split.no"));
  QUIPU_TRY(split.n_tensors, number_of<uint64_t>(directory, "split.tensors.count"));
  split.count = count.value_or(1);
  split.number = number.value_or(0);
  // llama.cpp writes 0 for models that are not split.
  if (split.count == 0) split.count = 1;
  if (split.count > kMaxParts) {
    return error_of(ErrorKind::limit_exceeded, "key 'split.count': {} parts, the limit is {}", split.count, kMaxParts);
  }
  if (split.number >= split.count) {
    return invalid_input("key 'split.no' is {}, but there are only {} parts (counted from 0)", split.number,
                         split.count);
  }
  return split;
}

Result<Source> map_source(const std::filesystem::path& path) {
  QUIPU_TRY(auto file, platform::MappedFile::open(path));
  const auto bytes = file->bytes();
  return Source{std::move(file), bytes, path.filename().string()};
}

// The paths of all parts, from that of the first.
Result<std::vector<std::filesystem::path>> sibling_paths(const std::filesystem::path& first, const Split& split) {
  const std::string name = first.filename().string();
  const std::string suffix = part_suffix(split.number + 1, split.count);
  if (!name.ends_with(suffix)) {
    return invalid_input("{}: part {} of {} of a split model: its name must end in {} so that the others can be found",
                         name, split.number + 1, split.count, suffix);
  }
  const std::string stem = name.substr(0, name.size() - suffix.size());
  if (split.number != 0) {
    return invalid_input("{}: part {} of {} of a split model: open the first one, {}", name, split.number + 1,
                         split.count, stem + part_suffix(1, split.count));
  }
  std::vector<std::filesystem::path> paths;
  for (uint32_t i = 0; i < split.count; ++i) {
    paths.push_back(first.parent_path() / (stem + part_suffix(i + 1, split.count)));
  }
  return paths;
}

Result<Part> read_part(const Source& source) {
  auto directory = read_directory(source.bytes);
  if (!directory) return directory.error().within(source.name);
  auto split = split_of(*directory);
  if (!split) return split.error().within(source.name);
  return Part{std::move(*directory), *split};
}

}  // namespace

std::string part_suffix(uint32_t number, uint32_t count) {
  return fmt::format("-{:05}-of-{:05}.gguf", number, count);
}

Result<File> File::open(const std::filesystem::path& path) {
  QUIPU_TRY(Source source, map_source(path));
  QUIPU_TRY(auto first, read_part(source));
  std::vector<Source> parts{source};
  std::vector<Part> read{std::move(first)};
  if (const Split& split = read[0].split; split.count > 1) {
    QUIPU_TRY(const auto paths, sibling_paths(path, split));
    for (size_t i = 1; i < paths.size(); ++i) {
      auto sibling = map_source(paths[i]);
      if (!sibling) return sibling.error().within(fmt::format("{}: part {} of {}", source.name, i + 1, paths.size()));
      QUIPU_TRY(auto part, read_part(*sibling));
      parts.push_back(std::move(*sibling));
      read.push_back(std::move(part));
    }
  }
  return join(std::move(parts), std::move(read));
}

Result<File> File::open(std::vector<Source> parts) {
  if (parts.empty()) return invalid_input("no file to open");
  std::vector<Part> read;
  for (const Source& source : parts) {
    QUIPU_TRY(auto part, read_part(source));
    read.push_back(std::move(part));
  }
  return join(std::move(parts), std::move(read));
}

Result<File> File::join(std::vector<Source> parts, std::vector<Part> read) {
  auto state = std::make_shared<State>();
  for (size_t i = 0; i < parts.size(); ++i) {
    const std::string& name = parts[i].name;
    const Split& split = read[i].split;
    if (split.count != parts.size()) {
      return invalid_input("{}: key 'split.count' says {} parts, but {} are there", name, split.count, parts.size());
    }
    if (split.number != i) {
      return invalid_input("{}: key 'split.no' is {}, but this is part {} (counted from 0)", name, split.number, i);
    }
    state->total_bytes += parts[i].bytes.size();
    std::ranges::move(read[i].directory.tensors, std::back_inserter(state->tensors));
  }
  const auto n_tensors = read[0].split.n_tensors;
  if (parts.size() > 1 && n_tensors && *n_tensors != state->tensors.size()) {
    return invalid_input("{}: key 'split.tensors.count' says {} tensors, but the parts hold {}", parts[0].name,
                         *n_tensors, state->tensors.size());
  }
  state->by_name = sorted_by_name(state->tensors, tensor_name);
  for (size_t i = 1; i < state->by_name.size(); ++i) {
    const std::string& name = state->tensors[state->by_name[i]].name;
    if (name != state->tensors[state->by_name[i - 1]].name) continue;
    return invalid_input("{}: tensor {} stands in two parts", parts[0].name, in_quotes(name));
  }
  state->directory = std::move(read[0].directory);
  state->parts = std::move(parts);
  File file;
  file.state_ = std::move(state);
  return file;
}

std::span<const Tensor> File::tensors() const {
  return state_->tensors;
}

const Tensor* File::find_tensor(std::string_view name) const {
  const auto found = std::ranges::lower_bound(state_->by_name, name, {},
                                              [this](uint32_t i) { return tensor_name(state_->tensors[i]); });
  return found != state_->by_name.end() && state_->tensors[*found].name == name ? &state_->tensors[*found] : nullptr;
}

std::vector<std::string_view> File::keys() const {
  std::vector<std::string_view> keys;
  for (const Entry& entry : state_->directory.entries) keys.push_back(entry.key);
  return keys;
}

const Value* File::find_value(std::string_view key) const {
  const Entry* entry = state_->directory.find(key);
  return entry != nullptr ? &entry->value : nullptr;
}

uint32_t File::version() const {
  return state_->directory.version;
}

std::span<const Source> File::parts() const {
  return state_->parts;
}

const std::string& File::name() const {
  return state_->parts[0].name;
}

Status File::lock_in_memory() const {
  for (const Source& part : state_->parts) QUIPU_CHECK_OK(part.file->lock(part.bytes));
  return {};
}

uint64_t File::total_bytes() const {
  return state_->total_bytes;
}

}  // namespace quipu::gguf
