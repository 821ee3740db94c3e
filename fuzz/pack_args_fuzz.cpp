// Any text is read as `.args`; quoting its words again must give the same words.
#include "base/check.h"
#include "pack/args.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::pack;
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  const auto args = parse_args(text, [](const std::string& name) -> std::optional<std::string> {
    if (name.size() % 2 == 0) return std::nullopt;
    return "'$X " + name;
  });
  if (!args.ok()) return 0;
  std::string quoted;
  for (const auto& word : args->words) {
    quoted += '\'';
    for (const char c : word) quoted += c == '\'' ? std::string("'\\''") : std::string(1, c);
    quoted += "'\n";
  }
  const auto again = parse_args(quoted, [](const std::string&) { return std::nullopt; });
  QUIPU_CHECK(again.ok() && again->words == args->words);
  return 0;
}
