// What the subcommands that write or check llamafiles share.
#pragma once

#include <memory>

#include "base/result.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "pack/zip.h"
#include "platform/platform.h"

namespace quipu::cli {

// The file that runs, with all its programs: the portable file, if its head started this one.
Result<std::shared_ptr<const platform::MappedFile>> own_file(const Invocation& invocation);

// The zip of a named file. Error: invalid_input if it has none.
Result<pack::Zip> open_zip(const std::string& path);

// Shows progress on a line, and stops on Ctrl-C (within an InterruptGuard).
pack::Progress progress_on(ProgressLine& line);

}  // namespace quipu::cli
