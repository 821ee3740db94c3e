#include "engine/engine.h"

#include <algorithm>
#include <mutex>

#include "backend/cpu/isa.h"
#include "backend/cpu/kv_cache.h"
#include "backend/cpu/ops.h"
#include "base/check.h"
#include "platform/platform.h"

namespace quipu::engine {

struct Sequence::State {
  std::unique_ptr<model::KvSequence> kv;
  std::vector<Token> tokens;
};

Sequence::Sequence(std::unique_ptr<State> state) : state_(std::move(state)) {}
Sequence::Sequence(Sequence&&) noexcept = default;
Sequence& Sequence::operator=(Sequence&&) noexcept = default;
Sequence::~Sequence() = default;

std::span<const Token> Sequence::tokens() const {
  return state_->tokens;
}

void Sequence::truncate(size_t n_tokens) {
  if (n_tokens >= state_->tokens.size()) return;
  state_->kv->truncate(static_cast<uint32_t>(n_tokens));
  state_->tokens.resize(n_tokens);
}

Sequence Sequence::fork() const {
  auto other = std::make_unique<State>();
  other->kv = state_->kv->fork();
  other->tokens = state_->tokens;
  return Sequence(std::move(other));
}

struct Engine::State {
  std::shared_ptr<const Model> model;
  EngineOptions options;
  uint32_t n_ctx = 0;
  int n_threads = 1;
  std::unique_ptr<backend::cpu::CpuOps> ops;
  std::shared_ptr<backend::cpu::KvPool> pool;
  std::mutex mutex;
};

namespace {

// llamafile's rule: more threads than this have not made any machine faster in its users' reports.
constexpr int kMaxDefaultThreads = 20;

std::string gigabytes(uint64_t bytes) {
  return fmt::format("{:.2f} GiB", static_cast<double>(bytes) / (1u << 30));
}

// The KV cache is taken as it is used; what it can grow to must exist all the same.
Status check_memory(uint64_t kv_bytes, uint32_t n_ctx, const Log& log) {
  const platform::Memory memory = platform::memory();
  if (memory.total_bytes != 0 && kv_bytes > memory.total_bytes)
    return error_of(ErrorKind::out_of_memory,
                    "a context of {} tokens needs {} for its KV cache, but this machine has {}; ask for less with -c",
                    n_ctx, gigabytes(kv_bytes), gigabytes(memory.total_bytes));
  if (memory.available_bytes != 0 && kv_bytes > memory.available_bytes)
    log_to(log, LogLevel::warning,
           fmt::format("a full context of {} tokens needs {} for its KV cache, but only {} are free now", n_ctx,
                       gigabytes(kv_bytes), gigabytes(memory.available_bytes)));
  return {};
}

// One forward pass put together from the front of the remaining work.
struct Step {
  model::Batch batch;
  struct Output {
    size_t work = 0, position = 0;
  };
  std::vector<Output> outputs;                     // as batch.output_rows
  std::vector<std::pair<size_t, size_t>> n_taken;  // work index, tokens
};

}  // namespace

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model, const EngineOptions& options) {
  const auto& hp = model->hyperparameters();
  backend::cpu::CpuOptions cpu;
  QUIPU_TRY(cpu.isa,
            backend::cpu::choose_isa(options.isa ? std::optional<std::string_view>(*options.isa) : std::nullopt));
  cpu.precise = options.precise;
  cpu.n_cores = platform::n_physical_cores();
  cpu.n_threads = options.n_threads > 0 ? options.n_threads : std::min(cpu.n_cores, kMaxDefaultThreads);
  cpu.type_k = options.precise ? backend::cpu::KvType::f32 : options.type_k;
  cpu.type_v = options.precise ? backend::cpu::KvType::f32 : options.type_v;

  auto state = std::make_unique<State>();
  QUIPU_TRY(state->ops, backend::cpu::CpuOps::create(cpu, hp));
  state->model = model;
  state->options = options;
  state->n_threads = cpu.n_threads;
  state->n_ctx = options.n_ctx == 0 ? hp.n_ctx_train : options.n_ctx;
  if (state->n_ctx > hp.n_ctx_train)
    log_to(options.log, LogLevel::warning,
           fmt::format("the context of {} tokens is longer than the {} that the model was trained for", state->n_ctx,
                       hp.n_ctx_train));
  const auto& shape = state->ops->kv_shape();
  const size_t n_pages = (size_t{state->n_ctx} + shape.page_tokens - 1) / shape.page_tokens;
  QUIPU_CHECK_OK(check_memory(n_pages * shape.page_bytes() * options.n_sequences, state->n_ctx, options.log));
  state->pool = std::make_shared<backend::cpu::KvPool>(shape, n_pages * options.n_sequences);
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Sequence Engine::new_sequence() {
  auto sequence = std::make_unique<Sequence::State>();
  sequence->kv = std::make_unique<model::KvSequence>(state_->pool);
  return Sequence(std::move(sequence));
}

Status Engine::decode(std::span<const Work> work, const OnLogits& on_logits, std::stop_token stop) {
  const std::lock_guard lock(state_->mutex);
  std::vector<size_t> n_done(work.size(), 0);
  for (;;) {
    Step step;
    for (size_t i = 0; i < work.size(); i++) {
      const size_t room = std::max<uint32_t>(state_->options.n_ubatch, 1) - step.batch.tokens.size();
      const size_t n = std::min(work[i].tokens.size() - n_done[i], room);
      if (n == 0) continue;
      Sequence::State& sequence = *work[i].sequence->state_;
      if (sequence.tokens.size() + n > state_->n_ctx)
        return error_of(ErrorKind::limit_exceeded, "the context of {} tokens is full", state_->n_ctx);
      QUIPU_CHECK_OK(sequence.kv->reserve(static_cast<uint32_t>(n)));
      auto& batch = step.batch;
      batch.parts.push_back({sequence.kv.get(), batch.tokens.size(), n, sequence.kv->size()});
      for (size_t t = 0; t < n; t++) {
        const size_t position = n_done[i] + t;
        const bool last = position + 1 == work[i].tokens.size();
        if (work[i].logits == Work::Logits::all || (work[i].logits == Work::Logits::last && last)) {
          batch.output_rows.push_back(batch.tokens.size());
          step.outputs.push_back({i, position});
        }
        batch.positions.push_back(sequence.kv->size() + static_cast<uint32_t>(t));
        batch.visible_end.push_back(batch.positions.back() + 1);
        batch.tokens.push_back(work[i].tokens[position]);
      }
      step.n_taken.emplace_back(i, n);
    }
    if (step.n_taken.empty()) return {};
    if (stop.stop_requested()) return error_of(ErrorKind::cancelled, "stopped");
    run(step.batch, [&](size_t output, std::span<const float> logits) {
      if (on_logits) on_logits(step.outputs[output].work, step.outputs[output].position, logits);
    });
    for (const auto& [i, n] : step.n_taken) {
      auto& sequence = *work[i].sequence->state_;
      const auto tokens = work[i].tokens.subspan(n_done[i], n);
      sequence.tokens.insert(sequence.tokens.end(), tokens.begin(), tokens.end());
      n_done[i] += n;
    }
  }
}

// Runs the batch, counts its positions as filled, and hands out the logits row by row.
void Engine::run(const model::Batch& batch, const std::function<void(size_t, std::span<const float>)>& on_row) {
  const model::Ops::Scope scope(*state_->ops);
  const model::Rows logits = state_->model->weights().forward(batch, *state_->ops);
  for (const auto& part : batch.parts) part.kv->advance(static_cast<uint32_t>(part.n_tokens));
  for (size_t i = 0; i < logits.n_rows; i++)
    on_row(i, {static_cast<const float*>(logits.data) + i * logits.n_cols, logits.n_cols});
}

const Model& Engine::model() const {
  return *state_->model;
}
uint32_t Engine::n_ctx() const {
  return state_->n_ctx;
}
int Engine::n_threads() const {
  return state_->n_threads;
}
std::string_view Engine::isa() const {
  return kernels::isa_name(state_->ops->isa());
}

uint64_t Engine::kv_bytes_per_token() const {
  return state_->pool->shape().page_bytes() / state_->pool->shape().page_tokens;
}

}  // namespace quipu::engine
