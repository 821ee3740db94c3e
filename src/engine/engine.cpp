#include "engine/engine.h"

#include <algorithm>
#include <mutex>

#include "backend/cpu/isa.h"
#include "backend/cpu/ops.h"
#include "base/check.h"
#include "engine/engine_state.h"
#include "engine/kv_file.h"
#include "platform/platform.h"

namespace quipu::engine {

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
  other->origin = state_->origin;
  other->kv = state_->kv->fork();
  other->tokens = state_->tokens;
  return Sequence(std::move(other));
}

Status Sequence::save(const std::filesystem::path& path) const {
  return save_kv_file(*state_, path);
}

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

}  // namespace

int n_threads_or_default(int wanted) {
  return wanted > 0 ? wanted : std::min(platform::n_physical_cores(), kMaxDefaultThreads);
}

Engine::Engine(std::unique_ptr<State> state) : state_(std::move(state)) {}
Engine::~Engine() = default;

Result<std::unique_ptr<Engine>> Engine::create(std::shared_ptr<const Model> model, const EngineOptions& options) {
  const auto& hp = model->hyperparameters();
  backend::cpu::CpuOptions cpu;
  QUIPU_TRY(cpu.isa,
            backend::cpu::choose_isa(options.isa ? std::optional<std::string_view>(*options.isa) : std::nullopt));
  cpu.precise = options.precise;
  cpu.n_cores = platform::n_physical_cores();
  cpu.n_threads = n_threads_or_default(options.n_threads);
  cpu.type_k = options.precise ? backend::cpu::KvType::f32 : options.type_k;
  cpu.type_v = options.precise ? backend::cpu::KvType::f32 : options.type_v;

  cpu.observer = options.linear_observer;

  auto state = std::make_unique<State>();
  QUIPU_TRY(state->ops, backend::cpu::CpuOps::create(cpu, hp));
  if (options.trace != nullptr) {
    state->traced = std::make_unique<backend::cpu::TracedOps>(
        *state->ops, options.trace,
        fmt::format("{}, {} threads, {}", model->file().name(), cpu.n_threads, kernels::isa_name(cpu.isa)));
  }
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
  state->origin = std::make_shared<const KvOrigin>(KvOrigin{std::move(model), state->ops->kv_layout()});
  return std::unique_ptr<Engine>(new Engine(std::move(state)));
}

Sequence Engine::new_sequence() {
  auto sequence = std::make_unique<Sequence::State>();
  sequence->origin = state_->origin;
  sequence->kv = std::make_unique<model::KvSequence>(state_->pool);
  return Sequence(std::move(sequence));
}

Result<Sequence> Engine::restore(const std::filesystem::path& path) {
  Sequence sequence = new_sequence();
  QUIPU_CHECK_OK(restore_kv_file(*sequence.state_, state_->n_ctx, path));
  return sequence;
}

Status Engine::decode(std::span<const Work> work, const OnLogits& on_logits, std::stop_token stop) {
  const auto one_by_one = [&](std::span<const ResultRow> rows) {
    for (const ResultRow& row : rows) on_logits(row.index, row.position, row.values);
  };
  return decode_rows(work, on_logits ? OnRows(one_by_one) : OnRows(), std::move(stop));
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
