// What the mask of a grammar costs a token: `ninja bench_masks`, then
//   bench_masks VOCABULARY.gguf SCHEMA.json INSTANCE.json
// follows the instance through the schema token by token, a first time and then again, and prints the time of a mask.
#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <fstream>
#include <iterator>
#include <string>

#include "grammar/matcher.h"
#include "tokenizer/tokenizer.h"

namespace quipu::grammar {
namespace {

std::string read(const char* path) {
  std::ifstream in(path, std::ios::binary);
  std::string text(std::istreambuf_iterator<char>(in), {});
  while (text.ends_with('\n')) text.pop_back();
  return text;
}

// Microseconds of each mask; empty if the instance is refused.
std::vector<double> follow(const std::shared_ptr<MaskCache>& cache, const std::vector<tokenizer::Token>& tokens) {
  Matcher matcher(cache);
  std::vector<uint32_t> mask((cache->trie().n_vocab() + 31) / 32);
  std::vector<double> times_us;
  for (const tokenizer::Token token : tokens) {
    const auto start = std::chrono::steady_clock::now();
    if (!matcher.fill_mask(mask).ok()) return {};
    times_us.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - start).count());
    const auto t = static_cast<size_t>(token);
    if ((mask[t / 32] >> (t % 32) & 1) == 0 || !matcher.accept(token)) return {};
  }
  return times_us;
}

void print(const char* name, std::vector<double> times_us) {
  std::sort(times_us.begin(), times_us.end());
  double sum = 0;
  for (const double t : times_us) sum += t;
  fmt::print("{}: mean {:.2f} us a token, median {:.2f}, largest {:.2f}\n", name,
             sum / static_cast<double>(times_us.size()), times_us[times_us.size() / 2], times_us.back());
}

int run(char** argv) {
  auto file = gguf::File::open(argv[1]);
  if (!file.ok()) return fmt::print(stderr, "{}\n", file.error().message), 1;
  auto vocabulary = tokenizer::Tokenizer::from_gguf(*file);
  if (!vocabulary.ok()) return fmt::print(stderr, "{}\n", vocabulary.error().message), 1;
  auto grammar = Grammar::from_json_schema_text(read(argv[2]));
  if (!grammar.ok()) return fmt::print(stderr, "{}\n", grammar.error().message), 1;
  std::vector<std::string_view> bytes;
  for (tokenizer::Token t = 0; t < vocabulary->n_vocab(); ++t) bytes.push_back(vocabulary->bytes(t, false));
  const auto cache =
      std::make_shared<MaskCache>(*grammar, std::make_shared<TokenTrie>(bytes, std::span<const Token>()));
  const auto tokens = vocabulary->encode(read(argv[3]), {});
  const auto first = follow(cache, tokens);
  if (first.empty()) return fmt::print(stderr, "the schema refuses the instance\n"), 1;
  fmt::print("{} tokens, vocabulary of {}\n", tokens.size(), vocabulary->n_vocab());
  print("first time", first);
  std::vector<double> again;
  for (int i = 0; i < 50; ++i) {
    for (const double t : follow(cache, tokens)) again.push_back(t);
  }
  print("after that", again);
  return 0;
}

}  // namespace
}  // namespace quipu::grammar

int main(int argc, char** argv) {
  if (argc == 4) return quipu::grammar::run(argv);
  fmt::print(stderr, "bench_masks VOCABULARY.gguf SCHEMA.json INSTANCE.json\n");
  return 2;
}
