// `quipu SUBCOMMAND`: what there is beside chat, --cli and --server.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/trace.h"
#include "base/log.h"
#include "base/result.h"
#include "cli/options.h"
#include "pack/zip.h"

namespace quipu::cli {

// All that a run needs to know.
struct Invocation {
  std::string program;  // as the user called it, without folders
  Options options;
  std::vector<std::string> positional;
  std::optional<pack::Zip> self;    // the zip behind the running program
  std::optional<Error> self_error;  // why it can't be read
  Log log;
  std::shared_ptr<backend::TraceFile> trace;  // of --trace, or null
};

// Returns the exit code.
using Run = Result<int> (*)(const Invocation& invocation);

struct Subcommand {
  std::string_view name;
  Mode mode;
  std::string_view synopsis;  // behind the name
  std::string_view help;
  Run run;
};
std::span<const Subcommand> subcommands();
const Subcommand* find_subcommand(std::string_view name);

Result<int> run_pack(const Invocation& invocation);
Result<int> run_unpack(const Invocation& invocation);
Result<int> run_upgrade(const Invocation& invocation);
Result<int> run_assimilate(const Invocation& invocation);
Result<int> run_verify(const Invocation& invocation);
Result<int> run_cache(const Invocation& invocation);
Result<int> run_binfmt(const Invocation& invocation);
Result<int> run_tokenize(const Invocation& invocation);
Result<int> run_detokenize(const Invocation& invocation);
Result<int> run_template(const Invocation& invocation);
Result<int> run_template(const Invocation& invocation);
Result<int> run_logprobs(const Invocation& invocation);
Result<int> run_inspect(const Invocation& invocation);
Result<int> run_doctor(const Invocation& invocation);
Result<int> run_bench(const Invocation& invocation);
Result<int> run_perplexity(const Invocation& invocation);
Result<int> run_imatrix(const Invocation& invocation);
Result<int> run_quantize(const Invocation& invocation);
Result<int> run_completions(const Invocation& invocation);

}  // namespace quipu::cli
