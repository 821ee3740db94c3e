// Any bytes are read as tasks of each format; what is read has choices to score, and picking keeps each once.
#include "base/check.h"
#include "tools/eval/choice_tasks.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  using namespace quipu::tools;
  if (size == 0) return 0;
  const auto format = static_cast<ChoiceFormat>(data[0] % 3);
  const auto tasks = parse_choice_tasks(format, {reinterpret_cast<const char*>(data) + 1, size - 1});
  if (!tasks.ok()) return 0;
  QUIPU_CHECK(!tasks->empty());
  for (const ChoiceTask& task : *tasks) {
    QUIPU_CHECK(!task.choices.empty() && task.choices.size() <= kMaxChoices);
    for (const Choice& choice : task.choices) QUIPU_CHECK(!choice.context.empty() && !choice.continuation.empty());
  }
  QUIPU_CHECK(pick_choice_tasks(format, *tasks, 0).size() == tasks->size());
  QUIPU_CHECK(pick_choice_tasks(format, *tasks, 1).size() == 1);
  return 0;
}
