// The public C++ API: load a model, keep sequences, decode, sample, stream. No global state; several models, engines
// and sequences in one process. An example stands in the README.
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <stop_token>
#include <string>
#include <string_view>
#include <vector>

#include "base/log.h"
#include "base/result.h"
#include "engine/model.h"
#include "grammar/mask_cache.h"
#include "kernels/attention.h"
#include "sample/sampler.h"

namespace quipu::backend {
class TraceFile;
}

namespace quipu::engine {

using KvType = kernels::KvType;

// `wanted`, or for 0 the physical cores, at most 20.
int n_threads_or_default(int wanted);

struct EngineOptions {
  uint32_t n_ctx = 8192;     // positions of a sequence at most; 0: as many as the model was trained for
  uint32_t n_sequences = 1;  // so many sequences of n_ctx positions find room in the KV cache
  int n_threads = 0;         // as n_threads_or_default()
  uint32_t n_ubatch = 512;   // tokens of one forward pass at most
  KvType type_k = KvType::f16, type_v = KvType::f16;
  bool precise = false;                 // float32 arithmetic and KV cache
  std::optional<std::string> isa = {};  // an instruction set below the best
  Log log = {};
  model::LinearObserver* linear_observer = nullptr;     // outlives the engine
  std::shared_ptr<backend::TraceFile> trace = nullptr;  // gets what each operation takes, the last when the engine ends
};

class Engine;

// One conversation's tokens, with their keys and values cached. Belongs to one engine and must not outlive it.
class Sequence {
 public:
  Sequence(Sequence&&) noexcept;
  Sequence& operator=(Sequence&&) noexcept;
  ~Sequence();

  [[nodiscard]] std::span<const Token> tokens() const;
  // Forgets all tokens from position `n_tokens` on.
  void truncate(size_t n_tokens);
  // A second sequence with the same tokens; memory is shared until the two differ.
  [[nodiscard]] Sequence fork() const;
  // Writes the tokens with their keys and values to a file (docs/formats/kv-file.md), which appears whole or not at
  // all. Engine::restore() reads it.
  [[nodiscard]] Status save(const std::filesystem::path& path) const;

  struct State;  // sequence_state.h: for this room alone
  explicit Sequence(std::unique_ptr<State> state);
  [[nodiscard]] State& state() { return *state_; }
  [[nodiscard]] const State& state() const { return *state_; }

 private:
  friend class Engine;
  std::unique_ptr<State> state_;
};

// Tokens to append to a sequence in a decode() call.
struct Work {
  enum class Logits : uint8_t { none, last, all };
  Sequence* sequence = nullptr;
  std::span<const Token> tokens;
  Logits logits = Logits::last;
  bool hidden = false;  // hidden states are wanted instead of logits
};

// The logits [n_vocab] after tokens[position] of work[index]: valid during the call. For Work::hidden the final hidden
// state [n_embd], after the last norm.
using OnLogits = std::function<void(size_t index, size_t position, std::span<const float> logits)>;

// All results of one forward pass, as OnLogits: valid during the call, in which Engine::parallel() may be used.
struct ResultRow {
  size_t index = 0, position = 0;
  std::span<const float> values;
};
using OnRows = std::function<void(std::span<const ResultRow> rows)>;

class Engine {
 public:
  // Errors: an instruction set that the CPU lacks, n_ctx beyond what memory holds (with both figures).
  static Result<std::unique_ptr<Engine>> create(std::shared_ptr<const Model> model, const EngineOptions& options);
  ~Engine();

  [[nodiscard]] Sequence new_sequence();
  // What Sequence::save() wrote, with the same model and types of KV cache. Errors: no such file; one that is no KV
  // file, was cut short or damaged, or belongs to another model, type or version; more tokens than the context has.
  Result<Sequence> restore(const std::filesystem::path& path);

  // Appends the tokens of each work to its sequence, those of several sequences in common forward passes. On an error
  // or a stop request (ErrorKind::cancelled) the sequences keep what was finished. Blocks; calls from several threads
  // take turns.
  Status decode(std::span<const Work> work, const OnLogits& on_logits, std::stop_token stop = {});

  // The same, pass by pass.
  Status decode_rows(std::span<const Work> work, const OnRows& on_rows, std::stop_token stop = {});
  // Calls body(i) for each i below n on the engine's threads. From within OnRows alone.
  void parallel(size_t n, const std::function<void(size_t)>& body);

  [[nodiscard]] const Model& model() const;
  [[nodiscard]] uint32_t n_ctx() const;
  [[nodiscard]] int n_threads() const;
  [[nodiscard]] std::string_view isa() const;
  [[nodiscard]] uint64_t kv_bytes_per_token() const;

 private:
  struct State;
  explicit Engine(std::unique_ptr<State> state);
  friend class Scheduler;
  std::unique_ptr<State> state_;
};

struct GenerateOptions {
  sample::SamplingParams sampling;
  int64_t n_predict = -1;         // -1: until the model ends its answer; -2: until the context is full
  std::vector<std::string> stop;  // texts that end the answer and are not part of it
  bool ignore_end = false;        // goes on past the model's end of an answer
  bool show_special = false;      // control tokens appear in the text
  // The answer's text is one of this grammar (Model::compile). Its end is then the grammar's: ignore_end has no effect.
  std::shared_ptr<grammar::MaskCache> grammar = nullptr;
};

enum class Finish : uint8_t { end, stop_text, length, context_full, cancelled, deadline };

struct Generated {
  Finish finish = Finish::end;
  std::vector<Token> tokens;  // without the token that ended the answer
  size_t n_prompt = 0;        // tokens of the prompt, of which
  size_t n_cached = 0;        // were in the sequence before
  double prompt_ms = 0.0, generation_ms = 0.0;
};

// Called with each piece of text (whole UTF-8 characters). False asks to stop.
using OnText = std::function<bool(std::string_view text)>;

// Makes the sequence hold `prompt` (what it has in common with it is not computed again) and continues it. Afterwards
// the sequence holds the prompt and the answer, as far as it was computed. Errors: a prompt that is empty or longer
// than the context.
Result<Generated> generate(Engine& engine, Sequence& sequence, std::span<const Token> prompt,
                           const GenerateOptions& options, const OnText& on_text, const std::stop_token& stop = {});

}  // namespace quipu::engine
