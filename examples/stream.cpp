// Loads a model, asks one question and streams the answer: build/example_stream MODEL.gguf "Your question"
#include <cstdio>

#include "engine/engine.h"

int main(int argc, char** argv) {
  using namespace quipu;
  if (argc != 3) return std::fprintf(stderr, "usage: %s MODEL.gguf QUESTION\n", argv[0]), 2;

  auto model = engine::Model::load(argv[1], {});
  if (!model.ok()) return std::fprintf(stderr, "%s\n", model.error().message.c_str()), 1;
  auto engine = engine::Engine::create(*model, {.n_ctx = 2048});
  if (!engine.ok()) return std::fprintf(stderr, "%s\n", engine.error().message.c_str()), 1;

  // The conversation becomes text by the model's own chat template, and tokens by its vocabulary.
  chat_template::RenderInput conversation;
  conversation.messages.push_back({{"role", "user"}, {"content", argv[2]}});
  engine::set_template_surroundings(conversation, (*model)->tokenizer());
  auto prompt = (*model)->chat_template().render(conversation);
  if (!prompt.ok()) return std::fprintf(stderr, "%s\n", prompt.error().message.c_str()), 1;
  const auto tokens = (*model)->tokenizer().encode(*prompt, {.parse_special = true});

  engine::Sequence sequence = (*engine)->new_sequence();
  engine::GenerateOptions options;
  options.sampling.temperature = 0.0f;
  const auto answer = engine::generate(**engine, sequence, tokens, options, [](std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    return std::fflush(stdout) == 0;
  });
  if (!answer.ok()) return std::fprintf(stderr, "%s\n", answer.error().message.c_str()), 1;
  std::puts("");
}
