// Answers in every tool format: no crash, calls that are opened and closed, the same parts however the text is cut, and
// not a byte that is lost where there is no call.
#include <cstdlib>
#include <string>

#include "server/tools/tool_format.h"

namespace {

using quipu::server::ToolFormat;

class Recorder : public quipu::server::ToolEvents {
 public:
  void on_text(std::string_view text) override {
    if (open) abort();
    all += text;
    plain += text;
  }
  void on_call(std::string_view name) override {
    if (open) abort();
    open = true;
    n_calls++;
    all += '\x01' + std::string(name) + '\x02';
  }
  void on_arguments(std::string_view piece) override {
    if (!open) abort();
    all += piece;
  }
  void on_call_end() override {
    if (!open) abort();
    open = false;
    all += '\x03';
  }
  std::string all, plain;
  bool open = false;
  size_t n_calls = 0;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 2) return 0;
  const size_t piece = 1 + data[0] % 16;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  for (const auto format : {ToolFormat::llama3, ToolFormat::hermes, ToolFormat::mistral}) {
    Recorder whole, cut;
    auto reader = quipu::server::make_tool_reader(format, {"f", "python", "get_weather"});
    reader->push(text, whole);
    reader->finish(whole);
    reader = quipu::server::make_tool_reader(format, {"f", "python", "get_weather"});
    for (size_t at = 0; at < text.size(); at += piece) reader->push(std::string_view(text).substr(at, piece), cut);
    reader->finish(cut);
    if (whole.open || cut.open || whole.all != cut.all) abort();
    if (whole.n_calls == 0 && whole.plain != text) abort();
  }
  return 0;
}
