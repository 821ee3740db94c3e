#include "cli/model_file.h"

namespace quipu::cli {

Result<pack::ModelPlace> place_of_model(const Invocation& invocation) {
  const pack::Zip* self = invocation.self ? &*invocation.self : nullptr;
  if (!invocation.options.model.empty()) return pack::locate_model(invocation.options.model, self);
  if (invocation.self_error) return *invocation.self_error;
  if (self == nullptr) return error_of(ErrorKind::not_found, "no model: name one with -m FILE");
  return pack::only_model(*self);
}

std::vector<gguf::Source> sources_of(const pack::ModelPlace& place) {
  std::vector<gguf::Source> sources;
  for (const pack::Extent& part : place.parts) {
    const auto bytes = part.file->bytes().subspan(static_cast<size_t>(part.offset), static_cast<size_t>(part.size));
    sources.push_back({part.file, bytes, part.name});
  }
  return sources;
}

Result<gguf::File> open_model_file(const Invocation& invocation) {
  QUIPU_TRY(const pack::ModelPlace place, place_of_model(invocation));
  return place.parts.empty() ? gguf::File::open(place.path) : gguf::File::open(sources_of(place));
}

}  // namespace quipu::cli
