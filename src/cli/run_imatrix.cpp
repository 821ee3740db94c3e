// quipu imatrix: how much each column of a model's matrices matters on a text.
#include <algorithm>

#include "cli/engine_setup.h"
#include "cli/input_text.h"
#include "cli/streams.h"
#include "cli/subcommands.h"
#include "gguf/gguf.h"
#include "platform/platform.h"
#include "tools/imatrix/imatrix.h"

namespace quipu::cli {
namespace {

Status add_files(const Options& options, tools::ImportanceSums& sums) {
  for (const std::string& path : options.imatrix_in) {
    QUIPU_TRY(const auto file, gguf::File::open(path));
    const auto read = tools::ImportanceSums::read(file);
    if (!read.ok()) return read.error().within(path);
    const Status merged = sums.merge(*read);
    if (!merged.ok()) return merged.error().within(path);
  }
  return {};
}

// An earlier file's pieces count as read in the file that is written, but not in the text that is read now.
Status measure(const Invocation& invocation, tools::ImportanceSums& sums) {
  const Options& options = invocation.options;
  QUIPU_TRY(const auto model, load_model(invocation));
  QUIPU_TRY(const std::string text, input_text(invocation));
  const auto tokens = model->tokenizer().encode(text, {.parse_special = options.parse_special, .add_special = true});
  const std::string dataset = options.prompt_file.empty() ? "text" : options.prompt_file;
  if (std::ranges::find(sums.datasets, dataset) == sums.datasets.end()) sums.datasets.push_back(dataset);
  sums.n_piece_tokens = static_cast<uint32_t>(options.n_piece);

  tools::ImportanceCollector collector(sums, options.process_output);
  QUIPU_TRY(const auto engine, make_engine(invocation, model, sums.n_piece_tokens, 1, &collector));
  const tools::ImatrixText pieces{tokens, sums.n_piece_tokens, static_cast<uint32_t>(options.first_chunk),
                                  static_cast<uint32_t>(options.n_chunks)};
  ProgressLine line("measuring");
  const auto progress = [&](uint32_t done, uint32_t of) -> Status {
    line.show(done, of);
    if (platform::InterruptGuard::take()) {
      QUIPU_CHECK_OK(sums.write(options.imatrix_out));
      print_note(fmt::format("{} holds what was measured; --in-file {} --from-chunk {} goes on from there",
                             options.imatrix_out, options.imatrix_out,
                             static_cast<uint32_t>(options.first_chunk) + done));
      return error_of(ErrorKind::cancelled, "interrupted");
    }
    const bool at_end = done == of;
    return !at_end && done % static_cast<uint32_t>(options.chunks_per_save) == 0 ? sums.write(options.imatrix_out)
                                                                                 : Status();
  };
  return tools::collect_importances(*engine, pieces, options.process_output, sums, progress);
}

}  // namespace

Result<int> run_imatrix(const Invocation& invocation) {
  const Options& options = invocation.options;
  tools::ImportanceSums sums;
  QUIPU_CHECK_OK(add_files(options, sums));
  const bool has_text = options.has_prompt || !options.prompt_file.empty();
  if (has_text || options.imatrix_in.empty()) {
    const platform::InterruptGuard guard;
    QUIPU_CHECK_OK(measure(invocation, sums));
  }
  QUIPU_CHECK_OK(sums.write(options.imatrix_out));
  Output out;
  out.write(fmt::format("{}: importances of {} tensors from {} pieces of {} tokens\n", options.imatrix_out,
                        sums.entries().size(), sums.n_pieces, sums.n_piece_tokens));
  return out.finish();
}

}  // namespace quipu::cli
