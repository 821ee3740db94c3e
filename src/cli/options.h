// What the flags say: one flat struct for every mode. Defaults stand here (those of the sampling in sample/sampler.h)
// and nowhere else: the help reads them from a default-constructed Options.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "sample/sampler.h"

namespace quipu::cli {

// A set of modes is a sum of them.
using Modes = uint32_t;
enum Mode : Modes {
  kNoMode = 0,
  kChat = 1u << 0,
  kCompletion = 1u << 1,  // --cli
  kServer = 1u << 2,
  kPack = 1u << 3,
  kUnpack = 1u << 4,
  kTokenize = 1u << 5,
  kDetokenize = 1u << 6,
  kTemplate = 1u << 7,
  kLogprobs = 1u << 8,
  kInspect = 1u << 9,
  kDoctor = 1u << 10,
  kCompletions = 1u << 11,
  kBench = 1u << 12,
  kPerplexity = 1u << 13,
  kUpgrade = 1u << 14,
  kAssimilate = 1u << 15,
  kVerify = 1u << 16,
  kCache = 1u << 17,
  kBinfmt = 1u << 18,
  kQuantize = 1u << 19,
  kImatrix = 1u << 20,
};
constexpr Modes kMainModes = kChat | kCompletion | kServer;
constexpr Modes kModelModes =
    kMainModes | kTokenize | kDetokenize | kTemplate | kLogprobs | kInspect | kBench | kPerplexity | kImatrix;

struct Options {
  // What to do.
  Modes mode = kNoMode;
  bool help = false, version = false, licenses = false;

  // Model.
  std::string model;                // the last one named
  std::vector<std::string> models;  // all of them: a server has several
  std::string chat_template;        // a built-in's name or Jinja text; empty: the model's own
  std::string chat_template_file;
  std::string chat_template_kwargs;  // JSON
  std::string alias;

  // Prompt and answer.
  std::string prompt, prompt_file;
  bool has_prompt = false;
  std::string system_prompt, system_prompt_file;
  int64_t n_predict = -1;
  bool escape = true;
  bool display_prompt = true;
  bool special = false;
  bool ignore_eos = false;
  bool interactive = false, interactive_first = false;
  bool truncate = false;
  std::string prompt_cache;
  bool prompt_cache_all = false, prompt_cache_ro = false;
  std::vector<std::string> reverse_prompts;
  std::string in_prefix, in_suffix;

  // Sampling.
  sample::SamplingParams sampling;
  std::string grammar, grammar_file, json_schema, json_schema_file;

  // Speed and memory.
  int64_t n_ctx = 8192;
  int32_t n_threads = 0;  // 0: physical cores, at most 20
  int32_t n_threads_batch = 0;
  int32_t n_batch = 2048, n_ubatch = 512;
  std::string cache_type_k = "f16", cache_type_v = "f16";
  std::string isa, trace;
  bool precise = false, trap = false;
  bool mlock = false, mmap = true, warmup = true;
  std::string gpu = "auto";
  int32_t n_gpu_layers = -1;

  // Chat.
  bool ascii = false, logo = true, status = true, history = true;
  std::string color = "auto";
  std::string resume;

  // Server.
  std::string host = "127.0.0.1", url_prefix, path, api_key_file, access_log, slot_folder;
  std::vector<std::string> api_keys, cors_origins;
  int32_t port = 8080, n_parallel = 0, timeout_s = 600, model_idle_s = 0;
  bool browser = true, metrics = false;

  // Messages.
  bool log_disable = false, verbose = false;
  bool secure = true;

  // Subcommands.
  bool parse_special = false, add_bos = false;  // tokenize
  bool ids = false;                             // logprobs
  int32_t n_top = 1;
  bool json = false;                                                   // inspect, doctor, bench, perplexity
  bool csv = false, limits = false, no_limits = false;                 // bench
  std::string n_prompts = "512", n_generations = "128", depths = "0", sequence_counts = "1";  // lists of numbers
  std::string thread_counts = "0";
  int32_t n_repetitions = 5;
  std::string logits_file;  // perplexity
  bool divergence = false;
  bool hellaswag = false, winogrande = false, multiple_choice = false;
  int32_t n_hellaswag = 400, n_winogrande = 0, n_multiple_choice = 0;  // tasks; 0: all
  int32_t n_chunks = 0, n_piece = 512;                                 // imatrix too
  std::string imatrix_out = "imatrix.gguf";                            // imatrix
  std::vector<std::string> imatrix_in;
  int32_t first_chunk = 0, chunks_per_save = 10;
  bool process_output = false;
  std::string imatrix, output_tensor_type, token_embedding_type;  // quantize
  std::vector<std::string> tensor_types;
  bool allow_requantize = false, leave_output_tensor = false, pure = false, keep_split = false, dry_run = false;
  bool without_imatrix = false;
  std::string args_file, folder = ".";
  std::vector<std::string> with;
  std::string name;  // pack: of the model inside
  bool force = false;
  bool sums = true;   // pack, upgrade
  bool undo = false;  // assimilate
};

}  // namespace quipu::cli
