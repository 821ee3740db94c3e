// quipu inspect, quipu doctor and --licenses: what there is.
#include "backend/cpu/isa.h"
#include "chat/store.h"
#include "cli/engine_setup.h"
#include "cli/licenses.h"
#include "cli/model_file.h"
#include "cli/run_modes.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "platform/system.h"
#include "platform/terminal.h"
#include "tools/inspect/inspect.h"

namespace quipu::cli {
namespace {

using Json = nlohmann::ordered_json;

std::string dumped(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string zip_text(const pack::Zip& zip) {
  std::string text =
      fmt::format("zip           {} entries behind {} bytes of program\n", zip.entries().size(), zip.begin());
  for (const pack::Entry& entry : zip.entries()) {
    text += fmt::format("  {:<40} {:>14} bytes at {}{}\n", entry.name, entry.size, entry.data_offset,
                        entry.method == pack::Entry::kStored ? "" : ", compressed");
  }
  return text + "\n";
}

std::string feature_list(const platform::CpuFeatures& cpu) {
  const std::pair<bool, const char*> features[] = {
      {cpu.avx2, "avx2"},
      {cpu.avx_vnni, "avx_vnni"},
      {cpu.avx512, "avx512"},
      {cpu.avx512_vnni, "avx512_vnni"},
      {cpu.avx512_bf16, "avx512_bf16"},
      {cpu.avx512_vbmi, "avx512_vbmi"},
      {cpu.amx_int8, "amx_int8"},
      {cpu.amx_bf16, "amx_bf16"},
      {cpu.neon, "neon"},
      {cpu.dotprod, "dotprod"},
      {cpu.i8mm, "i8mm"},
      {cpu.bf16, "bf16"},
  };
  std::string text;
  for (const auto& [there, name] : features) {
    if (there) text += (text.empty() ? "" : " ") + std::string(name);
  }
  return text.empty() ? "none of the known ones" : text;
}

Json machine_json() {
  const auto memory = platform::memory();
  const auto isa = backend::cpu::choose_isa(std::nullopt);
  return {{"system", platform::system_name()},
          {"cpu", platform::cpu_name()},
          {"cores", platform::n_physical_cores()},
          {"features", feature_list(platform::cpu_features())},
          {"kernels", isa.ok() ? std::string(kernels::isa_name(*isa)) : isa.error().message},
          {"memory_bytes", memory.total_bytes},
          {"memory_available_bytes", memory.available_bytes},
          {"gpu", "not used: this build computes on the CPU"}};
}

Json terminal_json() {
  const auto size = platform::terminal_size();
  return {{"input", platform::is_terminal(platform::Stream::standard_input)},
          {"output", platform::is_terminal(platform::Stream::standard_output)},
          {"TERM", platform::environment("TERM").value_or("")},
          {"NO_COLOR", platform::environment("NO_COLOR").value_or("")},
          {"columns", size.columns},
          {"rows", size.rows},
          {"locale", platform::character_locale()}};
}

Json places_json(const Invocation& invocation) {
  const auto data = platform::user_data_folder();
  const auto own = platform::self_path();
  Json json = {{"program", own.ok() ? own->string() : own.error().message},
               {"inside", invocation.self ? fmt::format("{} entries", invocation.self->entries().size())
                                          : std::string("nothing")},
               {"data", data ? data->string() : std::string("no home folder: nothing is kept")}};
  if (invocation.self_error) json["inside"] = invocation.self_error->message;
  if (data) json["chats"] = chat::ChatStore(*data / "chats").names().size();
  json["sandbox"] = "none";
  return json;
}

}  // namespace

Result<int> run_inspect(const Invocation& invocation) {
  Invocation named = invocation;
  if (invocation.positional.size() > 1) return invalid_input("inspect takes one file");
  if (!invocation.positional.empty()) named.options.model = invocation.positional[0];
  std::optional<pack::Zip> zip = named.options.model.empty() ? named.self : std::nullopt;
  std::error_code code;
  if (!named.options.model.empty() && std::filesystem::exists(named.options.model, code)) {
    QUIPU_TRY(auto file, platform::MappedFile::open(named.options.model));
    auto found = pack::Zip::find(std::move(file));
    if (found.ok()) zip = std::move(*found);
  }
  auto model = open_model_file(named);
  if (!model.ok() && !zip) return model.error();
  const tools::InspectOptions options{.n_ctx = static_cast<uint64_t>(named.options.n_ctx),
                                      .k_block_bytes = kv_block_bytes(named.options, named.options.cache_type_k),
                                      .v_block_bytes = kv_block_bytes(named.options, named.options.cache_type_v)};
  Output out;
  if (named.options.json) {
    Json json = model.ok() ? tools::report_json(*model, tools::inspect(*model, options))
                           : Json{{"why_not", model.error().message}};
    if (zip) {
      json["entries"] = Json::array();
      for (const pack::Entry& entry : zip->entries()) {
        json["entries"].push_back({{"name", entry.name},
                                   {"bytes", entry.size},
                                   {"offset", entry.data_offset},
                                   {"stored", entry.method == pack::Entry::kStored}});
      }
    }
    out.write(dumped(json));
    return out.finish();
  }
  if (zip) out.write(zip_text(*zip));
  out.write(model.ok() ? tools::report_text(*model, tools::inspect(*model, options)) : model.error().message + "\n");
  return out.finish();
}

Result<int> run_doctor(const Invocation& invocation) {
  const Json json = {{"quipu", QUIPU_VERSION},
                     {"compiler", __VERSION__},
                     {"machine", machine_json()},
                     {"terminal", terminal_json()},
                     {"places", places_json(invocation)}};
  Output out;
  if (invocation.options.json) {
    out.write(dumped(json));
    return out.finish();
  }
  for (const auto& [section, content] : json.items()) {
    if (!content.is_object()) {
      out.write(fmt::format("{:<24} {}\n", section, content.get<std::string>()));
      continue;
    }
    for (const auto& [key, value] : content.items()) {
      out.write(fmt::format("{:<24} {}\n", fmt::format("{}.{}", section, key),
                            value.is_string() ? value.get<std::string>() : value.dump()));
    }
  }
  return out.finish();
}

Result<int> run_licenses(const Invocation& invocation) {
  Output out;
  for (const License& license : licenses())
    out.write(fmt::format("==== {} ====\n\n{}\n\n", license.name, license.text));
  if (!invocation.self) return out.finish();
  for (const pack::Entry& entry : invocation.self->entries()) {
    const std::string name = std::filesystem::path(entry.name).filename().string();
    if (!name.starts_with("LICENSE") && !name.starts_with("LICENCE") && !name.starts_with("COPYING")) continue;
    constexpr uint64_t kMaxLicenseBytes = 1U << 20;
    QUIPU_TRY(const std::string text, invocation.self->read_small(entry, kMaxLicenseBytes));
    out.write(fmt::format("==== the model inside: {} ====\n\n{}\n\n", entry.name, text));
  }
  const auto model = open_model_file(invocation);
  if (model.ok()) {
    const auto license = tools::inspect(*model, {}).license;
    out.write(fmt::format("==== the model inside says of itself: {} ====\n",
                          license.empty() ? "nothing about a licence" : license));
  }
  return out.finish();
}

}  // namespace quipu::cli
