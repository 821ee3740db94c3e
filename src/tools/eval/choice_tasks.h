// Tasks with several answers of which one is right, from the three file formats that llama-perplexity reads too:
// docs/formats/choice-tasks.md.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace quipu::tools {

enum class ChoiceFormat : uint8_t { hellaswag, winogrande, multiple_choice };
std::string_view choice_format_name(ChoiceFormat format);

// A model reads context + continuation; how likely it finds the continuation is the choice's score.
struct Choice {
  std::string context, continuation;
  bool right = false;

  // Code points of the continuation without the space that joins it to the context.
  [[nodiscard]] size_t n_characters() const;
};

struct ChoiceTask {
  size_t number = 0;  // its place in the file, from 0
  std::vector<Choice> choices;
};

constexpr size_t kMaxChoices = 100;

// All tasks of a file's content, at least one. Errors name the line, or the task and the byte, that is wrong.
Result<std::vector<ChoiceTask>> parse_choice_tasks(ChoiceFormat format, std::string_view content);

// `n_wanted` of the tasks, all for 0: those that llama-perplexity picks, in its order, on every system.
std::vector<ChoiceTask> pick_choice_tasks(ChoiceFormat format, std::vector<ChoiceTask> tasks, size_t n_wanted);

}  // namespace quipu::tools
