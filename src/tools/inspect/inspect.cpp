#include "tools/inspect/inspect.h"

#include "base/checked.h"

namespace quipu::tools {
namespace {

using Json = nlohmann::ordered_json;

constexpr size_t kMaxValueChars = 100;

std::string text_or_empty(const gguf::File& file, std::string_view key) {
  const auto value = file.get<std::string_view>(key);
  return value.ok() && *value ? std::string(**value) : std::string();
}

std::string megabytes(uint64_t bytes) {
  return bytes >= 1'000'000'000 ? fmt::format("{:.2f} GB", static_cast<double>(bytes) / 1e9)
                                : fmt::format("{:.1f} MB", static_cast<double>(bytes) / 1e6);
}

std::string shape_of(const gguf::Tensor& tensor) {
  std::string text;
  for (uint32_t i = 0; i < tensor.n_dims; ++i) text += fmt::format("{}{}", i == 0 ? "" : " x ", tensor.dims[i]);
  return text;
}

double bits_per_weight(const ModelReport& report) {
  return report.n_parameters == 0
             ? 0
             : 8.0 * static_cast<double>(report.tensor_bytes) / static_cast<double>(report.n_parameters);
}

}  // namespace

ModelReport inspect(const gguf::File& file, const InspectOptions& options) {
  ModelReport report;
  for (const gguf::Tensor& tensor : file.tensors()) {
    report.n_parameters += tensor.n_elements();
    report.tensor_bytes += tensor.data.size();
    report.bytes_by_type[std::string(quant::traits(tensor.type).name)] += tensor.data.size();
  }
  report.license = text_or_empty(file, "general.license");
  auto hyperparameters = model::read_hyperparameters(file);
  if (!hyperparameters.ok()) {
    report.why_not = hyperparameters.error().message;
    return report;
  }
  const auto& hp = report.hyperparameters.emplace(std::move(*hyperparameters));
  MemoryEstimate memory{.n_ctx = options.n_ctx == 0 ? hp.n_ctx_train : options.n_ctx,
                        .weight_bytes = report.tensor_bytes};
  // Keys and values of every layer. The factors are checked hyperparameters: only the context can be absurd.
  const uint64_t per_token =
      uint64_t{hp.n_layer} * hp.n_head_kv *
      (uint64_t{hp.head_dim_k} * options.k_block_bytes + uint64_t{hp.head_dim_v} * options.v_block_bytes) / 32;
  if (const auto bytes = checked_mul(per_token, memory.n_ctx)) {
    memory.kv_bytes = *bytes;
    report.memory = memory;
  }
  return report;
}

std::string report_text(const gguf::File& file, const ModelReport& report) {
  std::string text =
      fmt::format("file          {} (GGUF version {}, {} part{}, {})\n", file.name(), file.version(),
                  file.parts().size(), file.parts().size() == 1 ? "" : "s", megabytes(file.total_bytes()));
  const auto line = [&](std::string_view label, const std::string& value) {
    if (!value.empty()) text += fmt::format("{:<13} {}\n", label, value);
  };
  line("name", text_or_empty(file, "general.name"));
  line("architecture", text_or_empty(file, "general.architecture"));
  if (report.hyperparameters) {
    const auto& hp = *report.hyperparameters;
    line("shape",
         fmt::format("{} layers, {} wide, feed-forward {}, {} heads of {} ({} for keys and values), vocabulary {}",
                     hp.n_layer, hp.n_embd, hp.n_ff, hp.n_head, hp.head_dim_k, hp.n_head_kv, hp.n_vocab));
    line("context", fmt::format("trained for {} tokens", hp.n_ctx_train));
  } else {
    line("not runnable", report.why_not);
  }
  line("parameters",
       fmt::format("{:.1f} million in {} tensors, {:.2f} bits each", static_cast<double>(report.n_parameters) / 1e6,
                   file.tensors().size(), bits_per_weight(report)));
  std::string types;
  for (const auto& [type, bytes] : report.bytes_by_type)
    types += fmt::format("{}{} {}", types.empty() ? "" : ", ", type, megabytes(bytes));
  line("types", types);
  if (report.memory) {
    line("memory", fmt::format("weights {} (mapped) + cache {} for a full context of {} = {}",
                               megabytes(report.memory->weight_bytes), megabytes(report.memory->kv_bytes),
                               report.memory->n_ctx, megabytes(report.memory->weight_bytes + report.memory->kv_bytes)));
  }
  line("licence", report.license.empty() ? "the file does not say" : report.license);
  text += "\nmetadata\n";
  for (const auto key : file.keys()) text += fmt::format("  {} = {}\n", key, file.describe(key, kMaxValueChars));
  text += "\ntensors\n";
  for (const gguf::Tensor& tensor : file.tensors()) {
    text += fmt::format("  {:<40} {:<6} {:>16} {:>12} bytes\n", tensor.name, quant::traits(tensor.type).name,
                        shape_of(tensor), tensor.data.size());
  }
  return text;
}

Json report_json(const gguf::File& file, const ModelReport& report) {
  Json json = {{"file", file.name()},
               {"version", file.version()},
               {"parts", file.parts().size()},
               {"bytes", file.total_bytes()}};
  json["architecture"] = text_or_empty(file, "general.architecture");
  json["name"] = text_or_empty(file, "general.name");
  json["license"] = report.license.empty() ? Json() : Json(report.license);
  json["parameters"] = report.n_parameters;
  json["tensor_bytes"] = report.tensor_bytes;
  json["bits_per_weight"] = bits_per_weight(report);
  json["bytes_by_type"] = report.bytes_by_type;
  json["runnable"] = report.hyperparameters.has_value();
  if (!report.hyperparameters) json["why_not"] = report.why_not;
  if (report.hyperparameters) {
    const auto& hp = *report.hyperparameters;
    json["hyperparameters"] = {
        {"n_layer", hp.n_layer},       {"n_embd", hp.n_embd},       {"n_ff", hp.n_ff},
        {"n_head", hp.n_head},         {"n_head_kv", hp.n_head_kv}, {"head_dim_k", hp.head_dim_k},
        {"head_dim_v", hp.head_dim_v}, {"n_vocab", hp.n_vocab},     {"n_ctx_train", hp.n_ctx_train}};
  }
  if (report.memory) {
    json["memory"] = {{"n_ctx", report.memory->n_ctx},
                      {"weight_bytes", report.memory->weight_bytes},
                      {"kv_bytes", report.memory->kv_bytes}};
  }
  json["metadata"] = Json::object();
  for (const auto key : file.keys()) json["metadata"][std::string(key)] = file.describe(key, kMaxValueChars);
  json["tensors"] = Json::array();
  for (const gguf::Tensor& tensor : file.tensors()) {
    Json dims = Json::array();
    for (uint32_t i = 0; i < tensor.n_dims; ++i) dims.push_back(tensor.dims[i]);
    json["tensors"].push_back({{"name", tensor.name},
                               {"type", quant::traits(tensor.type).name},
                               {"dims", dims},
                               {"bytes", tensor.data.size()}});
  }
  return json;
}

}  // namespace quipu::tools
