// Forward passes over the new tokens of several sequences.
#include <algorithm>
#include <utility>

#include "engine/engine_state.h"

namespace quipu::engine {
namespace {

// One forward pass put together from the front of the remaining work.
struct Pass {
  model::Batch batch;
  std::vector<ResultRow> results;                  // as batch.output_rows; without values yet
  std::vector<std::pair<size_t, size_t>> n_taken;  // work index, tokens
};

// Appends tokens [begin, begin + n) of work[index].
void add(Pass& pass, const Work& work, size_t index, size_t begin, size_t n, model::KvSequence& kv) {
  model::Batch& batch = pass.batch;
  batch.parts.push_back({&kv, batch.tokens.size(), n, kv.size()});
  for (size_t t = 0; t < n; t++) {
    const size_t position = begin + t;
    const bool last = position + 1 == work.tokens.size();
    if (work.logits == Work::Logits::all || (work.logits == Work::Logits::last && last)) {
      batch.output_rows.push_back(batch.tokens.size());
      pass.results.push_back({index, position, {}});
    }
    batch.positions.push_back(kv.size() + static_cast<uint32_t>(t));
    batch.visible_end.push_back(batch.positions.back() + 1);
    batch.tokens.push_back(work.tokens[position]);
  }
  pass.n_taken.emplace_back(index, n);
}

std::span<const float> row_of(model::Rows rows, size_t i) {
  return {static_cast<const float*>(rows.data) + i * rows.n_cols, rows.n_cols};
}

// Runs the pass, counts its positions as filled, and fills in the results.
void run(Pass& pass, std::span<const Work> work, const model::Model& model, model::Ops& ops) {
  const model::Rows hidden = model.forward(pass.batch, ops);
  for (const auto& part : pass.batch.parts) part.kv->advance(static_cast<uint32_t>(part.n_tokens));
  std::vector<size_t> logits_rows;
  for (size_t i = 0; i < pass.results.size(); i++) {
    if (!work[pass.results[i].index].hidden)
      logits_rows.push_back(i);
    else
      pass.results[i].values = row_of(hidden, i);
  }
  if (logits_rows.empty()) return;
  const bool all = logits_rows.size() == hidden.n_rows;
  const model::Rows logits = model.logits(all ? hidden : ops.select(hidden, logits_rows), ops);
  for (size_t i = 0; i < logits_rows.size(); i++) pass.results[logits_rows[i]].values = row_of(logits, i);
}

}  // namespace

Status Engine::decode_rows(std::span<const Work> work, const OnRows& on_rows, std::stop_token stop) {
  const std::lock_guard lock(state_->mutex);
  const std::stop_token asked = std::move(stop);
  std::vector<size_t> n_done(work.size(), 0);
  for (;;) {
    Pass pass;
    for (size_t i = 0; i < work.size(); i++) {
      const size_t room = std::max<uint32_t>(state_->options.n_ubatch, 1) - pass.batch.tokens.size();
      const size_t n = std::min(work[i].tokens.size() - n_done[i], room);
      if (n == 0) continue;
      Sequence::State& sequence = *work[i].sequence->state_;
      if (sequence.tokens.size() + n > state_->n_ctx)
        return error_of(ErrorKind::limit_exceeded, "the context of {} tokens is full", state_->n_ctx);
      QUIPU_CHECK_OK(sequence.kv->reserve(static_cast<uint32_t>(n)));
      add(pass, work[i], i, n_done[i], n, *sequence.kv);
    }
    if (pass.n_taken.empty()) return {};
    if (asked.stop_requested()) return error_of(ErrorKind::cancelled, "stopped");
    const model::Ops::Scope scope(*state_->ops);
    backend::cpu::TracedOps* const traced = state_->traced.get();
    {
      const backend::cpu::TracedOps::Slice slice(traced, "forward pass", pass.batch.tokens.size());
      model::Ops& ops = traced != nullptr ? static_cast<model::Ops&>(*traced) : *state_->ops;
      run(pass, work, state_->model->weights(), ops);
    }
    for (const auto& [i, n] : pass.n_taken) {
      auto& tokens = work[i].sequence->state_->tokens;
      const auto added = work[i].tokens.subspan(n_done[i], n);
      tokens.insert(tokens.end(), added.begin(), added.end());
      n_done[i] += n;
    }
    if (on_rows) {
      const backend::cpu::TracedOps::Slice slice(traced, "results", pass.results.size());
      on_rows(pass.results);
    }
    if (traced != nullptr) traced->flush_if_full();
  }
}

void Engine::parallel(size_t n, const std::function<void(size_t)>& body) {
  state_->ops->threads().run(n, [&](int, size_t i) { body(i); });
}

}  // namespace quipu::engine
