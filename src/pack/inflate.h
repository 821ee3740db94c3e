// DEFLATE decoding (RFC 1951): for small compressed entries such as the .args of files made by other tools.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>

#include "base/result.h"

namespace quipu::pack {

// Gets the output in order, in pieces of at most 32 KiB; an error ends the decoding and is handed on.
using ByteSink = std::function<Status(std::span<const std::byte>)>;

// Decodes one whole stream. Errors: invalid_input for damaged data, data behind the last block, or an output that is
// not exactly `size` bytes long. Memory: 64 KiB, whatever the input says.
Status inflate(std::span<const std::byte> compressed, uint64_t size, const ByteSink& sink);

}  // namespace quipu::pack
