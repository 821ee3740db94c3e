#include "cli/server_setup.h"

#include <algorithm>

#include "cli/engine_setup.h"
#include "cli/model_file.h"
#include "cli/streams.h"
#include "platform/terminal.h"

namespace quipu::cli {
namespace {

// Answers that are computed at once if nobody says otherwise: more make each one slow.
constexpr uint32_t kMostParallel = 16;

uint64_t kv_bytes_per_token(const Options& options, const model::Hyperparameters& hp) {
  const uint64_t of_k = uint64_t{hp.head_dim_k} * kv_block_bytes(options, options.cache_type_k) / 32;
  const uint64_t of_v = uint64_t{hp.head_dim_v} * kv_block_bytes(options, options.cache_type_v) / 32;
  return uint64_t{hp.n_layer} * hp.n_head_kv * (of_k + of_v);
}

// The name that the API shows: of the file, without folders and ending.
std::string short_name(std::string name) {
  name = name.substr(name.find_last_of("/\\@") + 1);
  constexpr std::string_view kEnding = ".gguf";
  if (name.size() > kEnding.size() && name.ends_with(kEnding)) name.resize(name.size() - kEnding.size());
  return name;
}

std::function<void(std::string_view)> access_log(const Options& options) {
  const bool to_stderr = options.access_log == "-" || (options.access_log.empty() && options.mode == kServer);
  if (to_stderr) {
    if (options.access_log.empty() && options.log_disable) return {};
    return
        [](std::string_view line) { platform::write_all(platform::Stream::standard_error, std::string(line) + "\n"); };
  }
  if (options.access_log.empty()) return {};
  return [path = options.access_log](std::string_view line) {
    // What can't be written is lost: the requests go on.
    (void)platform::append_private_file(path, std::string(line) + "\n");
  };
}

}  // namespace

uint32_t n_sequences(const Options& options, const engine::Model& model) {
  const auto& hp = model.hyperparameters();
  const uint64_t n_ctx = options.n_ctx > 0 ? static_cast<uint64_t>(options.n_ctx) : hp.n_ctx_train;
  const uint64_t bytes = std::max<uint64_t>(n_ctx * kv_bytes_per_token(options, hp), 1);
  const uint64_t room = platform::memory().available_bytes / 3 / bytes;
  const uint32_t wanted = options.n_parallel > 0 ? static_cast<uint32_t>(options.n_parallel) : kMostParallel;
  return static_cast<uint32_t>(std::clamp<uint64_t>(room, 1, wanted));
}

Result<server::ServerOptions> server_options(const Invocation& invocation) {
  const Options& options = invocation.options;
  server::ServerOptions out;
  out.host = options.host;
  out.port = static_cast<uint16_t>(options.port);
  out.url_prefix = options.url_prefix;
  out.api_keys = options.api_keys;
  out.api_key_file = options.api_key_file;
  out.cors_origins = options.cors_origins;
  out.folder = options.path;
  out.slot_folder = options.slot_folder;
  out.defaults.sampling = options.sampling;
  out.defaults.n_predict = options.n_predict;
  out.metrics = options.metrics;
  out.timeout = std::chrono::seconds(options.timeout_s);
  out.model_idle_time = std::chrono::seconds(options.model_idle_s);
  out.access_log = access_log(options);
  out.log = invocation.log;
  return out;
}

Result<std::unique_ptr<server::HostedModel>> host_model(const Invocation& invocation,
                                                        std::shared_ptr<const engine::Model> model,
                                                        std::shared_ptr<engine::Engine> engine) {
  const Options& options = invocation.options;
  auto hosted = std::make_unique<server::HostedModel>();
  if (engine == nullptr) {
    QUIPU_TRY(auto own, make_engine(invocation, model, 0, n_sequences(options, *model)));
    engine = std::move(own);
  }
  engine::SchedulerOptions scheduler;
  scheduler.n_parallel = options.n_parallel > 0 ? static_cast<uint32_t>(options.n_parallel) : kMostParallel;
  scheduler.n_batch = static_cast<uint32_t>(std::min(options.n_ubatch, options.n_batch));
  scheduler.log = invocation.log;
  hosted->scheduler = std::make_unique<engine::Scheduler>(*engine, scheduler);
  hosted->model = std::move(model);
  hosted->engine = std::move(engine);
  return hosted;
}

Result<std::vector<server::ModelSource>> model_sources(const Invocation& invocation) {
  std::vector<server::ModelSource> sources;
  const auto add = [&](const Invocation& one) -> Status {
    QUIPU_TRY(const pack::ModelPlace place, place_of_model(one));
    std::string name = short_name(place.parts.empty() ? place.path.string() : place.parts.front().name);
    if (!one.options.alias.empty() && one.options.models.size() <= 1) name = one.options.alias;
    if (std::ranges::find(sources, name, &server::ModelSource::name) != sources.end()) return {};
    sources.push_back({name, [one]() -> Result<std::unique_ptr<server::HostedModel>> {
                         QUIPU_TRY(auto model, load_model(one));
                         return host_model(one, std::move(model), nullptr);
                       }});
    return {};
  };
  // The last one is what requests without a name mean.
  QUIPU_CHECK_OK(add(invocation));
  for (const std::string& name : invocation.options.models) {
    Invocation one = invocation;
    one.options.model = name;
    QUIPU_CHECK_OK(add(one));
  }
  return sources;
}

}  // namespace quipu::cli
