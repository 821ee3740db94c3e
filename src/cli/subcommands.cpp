#include "cli/subcommands.h"

#include <array>

namespace quipu::cli {
namespace {

constexpr std::array kSubcommands{
    Subcommand{"pack", kPack, "OUT MODEL.gguf [--args FILE] [--with FILE...] [--name NAME]",
               "Writes one executable file of this program, a model, default arguments and further files. Of a split "
               "model name the first part. From a portable file it makes a portable file.",
               run_pack},
    Subcommand{"unpack", kUnpack, "[FILE] [-d FOLDER] [--force] [NAME...]",
               "Writes the files inside a llamafile (all, or those named) into a folder. FILE may be left out when the "
               "running file has something inside.",
               run_unpack},
    Subcommand{
        "upgrade", kUpgrade, "FILE [OUT]",
        "Puts this program in front of what is inside a llamafile, ours or Mozilla's, in FILE's place or in OUT.",
        run_upgrade},
    Subcommand{
        "verify", kVerify, "[FILE]",
        "Reads a whole llamafile and says what in it is damaged: by its SHA-256 sums, or by the zip's CRCs alone "
        "if it has none.",
        run_verify},
    Subcommand{"assimilate", kAssimilate, "FILE [--undo]",
               "Makes a portable file a plain script in place, by its first 64 bytes: every launcher on Unix starts it "
               "then, Windows no longer. --undo makes it portable again.",
               run_assimilate},
    Subcommand{"cache", kCache, "[clear]",
               "Shows the programs that portable files have put into your caches, or removes them all.", run_cache},
    Subcommand{"binfmt", kBinfmt, "[register]",
               "Prints the line that keeps Wine and other handlers of Windows programs from taking portable files on "
               "Linux, or as root registers it until the next boot.",
               run_binfmt},
    Subcommand{"tokenize", kTokenize, "[-m MODEL] [-f FILE | -p TEXT] [--parse-special] [--add-bos]",
               "Prints the tokens of a text as a JSON list of ids.", run_tokenize},
    Subcommand{"detokenize", kDetokenize, "[-m MODEL] [-f FILE | IDS...]",
               "Prints the text of token ids: a JSON list on standard input or in a file, or ids as arguments.",
               run_detokenize},
    Subcommand{
        "template", kTemplate, "[-m MODEL] [-f REQUEST.json]",
        "Prints the prompt that an OpenAI chat request (messages, tools ...) becomes by the model's chat template. "
        "A file with a vocabulary alone will do for a model.",
        run_template},
    Subcommand{
        "logprobs", kLogprobs, "[-m MODEL] [-f FILE | -p TEXT] [--ids] [--top N]",
        "Prints a JSON line for each token of a text: its id, its log-probability (natural logarithm, before any "
        "sampling) and the N likeliest tokens at its place with theirs. The first token has none.",
        run_logprobs},
    Subcommand{
        "bench", kBench, "[-m MODEL | MODEL...] [-p LIST] [-n LIST] [-d LIST] [-np LIST] [-t LIST] [-r N]",
        "Times the reading of prompts and the writing of answers, on random tokens, for every combination of the "
        "lists, and says for each what share of the machine's limit that is: the rate at which memory is read for "
        "answers, the best rate of products and sums for prompts. Both are measured first.",
        run_bench},
    Subcommand{
        "perplexity", kPerplexity,
        "-m MODEL -f FILE [--kl-divergence | --hellaswag | --winogrande | --multiple-choice]",
        "Says how well the model predicts a text, with the error of that figure. --save-logits keeps its predictions "
        "in a file; with --kl-divergence too it says how far the model is from the one that wrote that file (which may "
        "be llama-perplexity's). --hellaswag, --winogrande and --multiple-choice say how often it finds the right one "
        "of several answers likeliest, on the files of llama-perplexity.",
        run_perplexity},
    Subcommand{
        "imatrix", kImatrix, "[-m MODEL] [-f FILE] [-o OUT.gguf] [-c N] [--chunks N] [--from-chunk N] [--in-file FILE]",
        "Measures on a text how much each column of the model's matrices matters, for quantize --imatrix. Interrupted, "
        "it keeps what it has, and --from-chunk and --in-file go on from there. --in-file alone joins such files.",
        run_imatrix},
    Subcommand{
        "quantize", kQuantize, "IN.gguf OUT.gguf TYPE [--imatrix FILE] [--tensor-type PATTERN=TYPE] [-t N]",
        "Writes a model with weights of fewer bits. TYPE names a mix, such as Q4_K_M, whose rules give each tensor "
        "its type; COPY leaves all as they are. With --dry-run IN.gguf TYPE it only says what would become of "
        "each tensor. Without a type it lists them.",
        run_quantize},
    Subcommand{"inspect", kInspect, "[FILE] [-c N] [--json]",
               "Shows what is in a model: shape, types, memory for a context of N, licence, metadata, tensors; and the "
               "entries of a llamafile.",
               run_inspect},
    Subcommand{"doctor", kDoctor, "[--json]", "Says what this machine offers, in a form to paste into a bug report.",
               run_doctor},
    Subcommand{"completions", kCompletions, "bash|zsh|fish", "Prints a script that completes commands in a shell.",
               run_completions},
};

}  // namespace

std::span<const Subcommand> subcommands() {
  return kSubcommands;
}

const Subcommand* find_subcommand(std::string_view name) {
  for (const Subcommand& subcommand : kSubcommands) {
    if (subcommand.name == name) return &subcommand;
  }
  return nullptr;
}

}  // namespace quipu::cli
