#include "cli/engine_setup.h"

#include <algorithm>

#include "cli/flag_values.h"
#include "cli/model_file.h"
#include "platform/platform.h"

namespace quipu::cli {
namespace {

constexpr uint64_t kMaxTemplateBytes = 4U << 20;

engine::KvType kv_type(const std::string& name) {
  // The flags' table lets no other name through.
  if (name == "f32") return engine::KvType::f32;
  if (name == "bf16") return engine::KvType::bf16;
  if (name == "q8_0") return engine::KvType::q8_0;
  return name == "q4_0" ? engine::KvType::q4_0 : engine::KvType::f16;
}

}  // namespace

uint32_t kv_block_bytes(const Options& options, std::string_view type) {
  if (type == "f32" || options.precise) return 128;
  return type == "q8_0" ? 34 : type == "q4_0" ? 18 : 64;
}

Result<std::string> template_choice(const Options& options) {
  if (options.chat_template_file.empty()) return options.chat_template;
  return platform::read_file(options.chat_template_file, kMaxTemplateBytes);
}

Result<chat_template::Json> template_variables(const Options& options) {
  if (options.chat_template_kwargs.empty()) return chat_template::Json();
  auto json = chat_template::Json::parse(options.chat_template_kwargs, nullptr, false);
  if (!json.is_object()) return invalid_input("--chat-template-kwargs: is no JSON object");
  return json;
}

Result<std::shared_ptr<const engine::Model>> load_model(const Invocation& invocation) {
  const Options& options = invocation.options;
  engine::Model::Options model_options;
  model_options.log = invocation.log;
  model_options.lock_in_memory = options.mlock;
  QUIPU_TRY(model_options.chat_template, template_choice(options));
  QUIPU_TRY(const pack::ModelPlace place, place_of_model(invocation));
  return place.parts.empty() ? engine::Model::load(place.path, model_options)
                             : engine::Model::load(sources_of(place), model_options);
}

Result<std::unique_ptr<engine::Engine>> make_engine(const Invocation& invocation,
                                                    std::shared_ptr<const engine::Model> model, uint32_t n_ctx,
                                                    uint32_t n_sequences, model::LinearObserver* observer) {
  const Options& options = invocation.options;
  engine::EngineOptions engine_options;
  engine_options.n_ctx = n_ctx != 0 ? n_ctx : static_cast<uint32_t>(options.n_ctx);
  engine_options.n_sequences = n_sequences;
  engine_options.n_threads = options.n_threads;
  engine_options.n_ubatch = static_cast<uint32_t>(std::min(options.n_ubatch, options.n_batch));
  engine_options.type_k = kv_type(options.cache_type_k);
  engine_options.type_v = kv_type(options.cache_type_v);
  engine_options.precise = options.precise;
  if (!options.isa.empty()) engine_options.isa = options.isa;
  engine_options.log = invocation.log;
  engine_options.linear_observer = observer;
  engine_options.trace = invocation.trace;
  return engine::Engine::create(std::move(model), engine_options);
}

namespace {

// The grammar of --grammar, --grammar-file, --json-schema or --json-schema-file; nothing without them.
Result<std::optional<grammar::Grammar>> grammar_of(const Options& options) {
  constexpr uint64_t kMaxGrammarBytes = 16U << 20;
  const auto text_of = [](const std::string& text, const std::string& file) -> Result<std::string> {
    if (file.empty()) return text;
    return platform::read_file(file, kMaxGrammarBytes);
  };
  const auto named = [](const char* flag, Result<grammar::Grammar> grammar) -> Result<std::optional<grammar::Grammar>> {
    if (!grammar.ok()) return grammar.error().within(flag);
    return std::optional(std::move(*grammar));
  };
  QUIPU_TRY(const std::string gbnf, text_of(options.grammar, options.grammar_file));
  QUIPU_TRY(const std::string schema, text_of(options.json_schema, options.json_schema_file));
  if (!gbnf.empty() && !schema.empty()) return invalid_input("--grammar and --json-schema exclude each other");
  if (!gbnf.empty()) return named("--grammar", grammar::Grammar::from_gbnf(gbnf));
  if (!schema.empty()) return named("--json-schema", grammar::Grammar::from_json_schema_text(schema));
  return std::optional<grammar::Grammar>();
}

}  // namespace

Result<engine::GenerateOptions> generate_options(const Invocation& invocation, const engine::Model& model) {
  const Options& options = invocation.options;
  engine::GenerateOptions generate;
  generate.sampling = options.sampling;
  generate.n_predict = options.n_predict;
  generate.ignore_end = options.ignore_eos;
  generate.show_special = options.special;
  for (const std::string& text : options.reverse_prompts) {
    generate.stop.push_back(options.escape ? unescaped(text) : text);
  }
  QUIPU_TRY(auto grammar, grammar_of(options));
  if (grammar) generate.grammar = model.compile(std::move(*grammar));
  QUIPU_CHECK_OK(sample::validate(generate.sampling, static_cast<int32_t>(model.hyperparameters().n_vocab)));
  return generate;
}

std::string model_name(const engine::Model& model) {
  const std::string& name = model.file().name();  // a path, or "x.llamafile@y.gguf"
  return name.substr(name.find_last_of("/@") + 1);
}

}  // namespace quipu::cli
