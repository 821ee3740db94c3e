// A sequence's tokens, keys and values in a file: docs/formats/kv-file.md.
#pragma once

#include <filesystem>

#include "engine/sequence_state.h"

namespace quipu::engine {

// Says which weights a file of keys and values belongs to: the metadata of the architecture, the directory of tensors,
// and some bytes of each tensor.
uint64_t model_fingerprint(const Model& model);

[[nodiscard]] Status save_kv_file(const Sequence::State& sequence, const std::filesystem::path& path);
// Fills `sequence`, which is empty, with at most `n_ctx` tokens. On an error it stays empty.
[[nodiscard]] Status restore_kv_file(Sequence::State& sequence, uint32_t n_ctx, const std::filesystem::path& path);

}  // namespace quipu::engine
