#include "tools/eval/choice_tasks.h"

#include <algorithm>
#include <array>
#include <numeric>
#include <optional>
#include <random>

namespace quipu::tools {
namespace {

// The next line without its end; \r\n ends one, too.
std::optional<std::string_view> next_line(std::string_view& rest) {
  if (rest.empty()) return std::nullopt;
  const size_t end = std::min(rest.find('\n'), rest.size());
  std::string_view line = rest.substr(0, end);
  rest.remove_prefix(std::min(end + 1, rest.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

std::string shortened(std::string_view text) {
  return text.size() <= 60 ? std::string(text) : std::string(text.substr(0, 60)) + "...";
}

// Six lines a task: context, number of the right ending, four endings.
Result<std::vector<ChoiceTask>> parse_hellaswag(std::string_view content) {
  constexpr size_t kLines = 6;
  std::vector<ChoiceTask> tasks;
  std::array<std::string_view, kLines> lines;
  size_t n_lines = 0;
  while (const auto line = next_line(content)) {
    // A file may end in empty lines.
    if (n_lines % kLines == 0 && line->empty() && content.find_first_not_of("\r\n") == content.npos) break;
    lines[n_lines++ % kLines] = *line;
    if (n_lines % kLines != 0) continue;
    const std::string_view label = lines[1];
    if (label.size() != 1 || label[0] < '0' || label[0] > '3') {
      return invalid_input("line {} is '{}', but must be the number of the right ending, from 0 to 3", n_lines - 4,
                           shortened(label));
    }
    ChoiceTask task{tasks.size(), {}};
    for (size_t i = 0; i < 4; ++i) {
      if (lines[2 + i].empty()) return invalid_input("line {} is empty, but must be an ending", n_lines - 3 + i);
      task.choices.push_back(
          {std::string(lines[0]), " " + std::string(lines[2 + i]), i == static_cast<size_t>(label[0] - '0')});
    }
    if (lines[0].empty()) return invalid_input("line {} is empty, but must be a context", n_lines - 5);
    tasks.push_back(std::move(task));
  }
  if (n_lines % kLines != 0) {
    return invalid_input("the file has {} lines, but a task has 6: context, number of the right ending, 4 endings",
                         n_lines);
  }
  return tasks;
}

// The fields of a line of comma-separated values (RFC 4180, but a field never goes over several lines).
Result<std::vector<std::string>> fields_of(std::string_view line) {
  std::vector<std::string> fields(1);
  bool quoted = false;
  for (size_t i = 0; i < line.size(); ++i) {
    const char c = line[i];
    if (c == '"' && quoted && i + 1 < line.size() && line[i + 1] == '"') {
      fields.back() += line[++i];
    } else if (c == '"' && (quoted || fields.back().empty())) {
      quoted = !quoted;
    } else if (c == ',' && !quoted) {
      fields.emplace_back();
    } else {
      fields.back() += c;
    }
  }
  if (quoted) return invalid_input("a quotation mark is not closed");
  return fields;
}

// number,sentence with a _,first choice,second choice,1 or 2
Result<ChoiceTask> parse_winogrande_line(std::string_view line) {
  QUIPU_TRY(const auto fields, fields_of(line));
  if (fields.size() != 5) {
    return invalid_input("it has {} fields, but must have 5: number, sentence, first choice, second choice, answer",
                         fields.size());
  }
  const std::string& sentence = fields[1];
  const size_t gap = sentence.find('_');
  if (gap == sentence.npos) return invalid_input("the sentence '{}' has no _", shortened(sentence));
  if (gap + 1 == sentence.size()) return invalid_input("nothing follows the _ of '{}'", shortened(sentence));
  if (fields[2].empty() || fields[3].empty()) return invalid_input("a choice is empty");
  if (fields[4] != "1" && fields[4] != "2")
    return invalid_input("the answer is '{}', but must be 1 or 2", shortened(fields[4]));
  ChoiceTask task;
  for (size_t i = 0; i < 2; ++i) {
    task.choices.push_back(
        {sentence.substr(0, gap) + fields[2 + i], sentence.substr(gap + 1), fields[4] == std::to_string(i + 1)});
  }
  return task;
}

Result<std::vector<ChoiceTask>> parse_winogrande(std::string_view content) {
  std::vector<ChoiceTask> tasks;
  size_t n_lines = 0;
  while (const auto line = next_line(content)) {
    ++n_lines;
    if (line->empty()) continue;
    auto task = parse_winogrande_line(*line);
    if (!task.ok()) return task.error().within(fmt::format("line {}", n_lines));
    task->number = tasks.size();
    tasks.push_back(std::move(*task));
  }
  return tasks;
}

// Little-endian numbers and texts with their size in front.
class BinaryReader {
 public:
  explicit BinaryReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] size_t at() const { return at_; }
  [[nodiscard]] size_t left() const { return bytes_.size() - at_; }

  Result<uint32_t> number() {
    if (left() < 4) return invalid_input("the file ends at byte {}, in the middle of a number", bytes_.size());
    uint32_t value = 0;
    for (size_t i = 0; i < 4; ++i) value |= uint32_t{static_cast<uint8_t>(bytes_[at_ + i])} << (8 * i);
    at_ += 4;
    return value;
  }
  Result<std::string_view> text() {
    const size_t begin = at_;
    QUIPU_TRY(const uint32_t size, number());
    if (size > left()) {
      return invalid_input("the text at byte {} has {} bytes, but the file only {} more", begin, size, left());
    }
    at_ += size;
    return bytes_.substr(at_ - size, size);
  }
  Status skip(uint64_t n_bytes) {
    if (n_bytes > left()) return invalid_input("the file ends after {} bytes, too early", bytes_.size());
    at_ += n_bytes;
    return {};
  }

 private:
  std::string_view bytes_;
  size_t at_ = 0;
};

struct Answers {
  std::vector<std::string_view> texts;
  std::vector<uint32_t> labels;  // 1: right
};

Result<Answers> read_answers(BinaryReader& in) {
  const size_t begin = in.at();
  QUIPU_TRY(const uint32_t n, in.number());
  if (n > kMaxChoices) {
    return invalid_input("at byte {} there are {} answers, but {} are the most", begin, n, kMaxChoices);
  }
  Answers answers;
  for (uint32_t i = 0; i < n; ++i) {
    QUIPU_TRY(answers.texts.emplace_back(), in.text());
  }
  for (uint32_t i = 0; i < n; ++i) {
    QUIPU_TRY(answers.labels.emplace_back(), in.number());
  }
  return answers;
}

Result<ChoiceTask> read_task(BinaryReader& in) {
  QUIPU_TRY(const std::string_view question, in.text());
  QUIPU_TRY(const Answers answers, read_answers(in));
  // Answers of which several are right: nobody scores them.
  QUIPU_TRY([[maybe_unused]] const Answers several, read_answers(in));
  if (question.empty()) return invalid_input("the question is empty");
  if (answers.texts.empty()) return invalid_input("there is no answer");
  ChoiceTask task;
  for (size_t i = 0; i < answers.texts.size(); ++i) {
    if (answers.texts[i].empty()) return invalid_input("answer {} is empty", i);
    task.choices.push_back({std::string(question), " " + std::string(answers.texts[i]), answers.labels[i] == 1});
  }
  return task;
}

Result<std::vector<ChoiceTask>> parse_multiple_choice(std::string_view content) {
  BinaryReader in(content);
  QUIPU_TRY(const uint32_t n, in.number());
  // The places of the tasks, for those who do not read all.
  QUIPU_CHECK_OK(in.skip(uint64_t{4} * n));
  std::vector<ChoiceTask> tasks;
  for (uint32_t i = 0; i < n; ++i) {
    auto task = read_task(in);
    if (!task.ok()) return task.error().within(fmt::format("task {} of {}", i, n));
    task->number = i;
    tasks.push_back(std::move(*task));
  }
  return tasks;
}

// A number below n, as std::uniform_int_distribution<size_t> of libstdc++ draws it from 32 random bits: multiplied
// without bias (Lemire 2019, "Fast Random Integer Generation in an Interval").
size_t drawn_below(std::mt19937& random, uint32_t n) {
  uint64_t product = uint64_t{static_cast<uint32_t>(random())} * n;
  if (static_cast<uint32_t>(product) < n) {
    const uint32_t threshold = -n % n;
    while (static_cast<uint32_t>(product) < threshold) product = uint64_t{static_cast<uint32_t>(random())} * n;
  }
  return product >> 32;
}

}  // namespace

std::string_view choice_format_name(ChoiceFormat format) {
  switch (format) {
    case ChoiceFormat::hellaswag:
      return "HellaSwag";
    case ChoiceFormat::winogrande:
      return "Winogrande";
    case ChoiceFormat::multiple_choice:
      break;
  }
  return "multiple choice";
}

size_t Choice::n_characters() const {
  const std::string_view text = std::string_view(continuation).substr(continuation.starts_with(' ') ? 1 : 0);
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<uint8_t>(c) & 0xC0) != 0x80; }));
}

Result<std::vector<ChoiceTask>> parse_choice_tasks(ChoiceFormat format, std::string_view content) {
  auto tasks = format == ChoiceFormat::hellaswag    ? parse_hellaswag(content)
               : format == ChoiceFormat::winogrande ? parse_winogrande(content)
                                                    : parse_multiple_choice(content);
  if (tasks.ok() && tasks->empty()) return invalid_input("there is no task");
  return tasks;
}

std::vector<ChoiceTask> pick_choice_tasks(ChoiceFormat format, std::vector<ChoiceTask> tasks, size_t n_wanted) {
  const bool all = n_wanted == 0 || n_wanted >= tasks.size();
  // HellaSwag's tasks are always put in random order; of the others only a part is.
  if (all && format != ChoiceFormat::hellaswag) return tasks;
  std::vector<uint32_t> left(tasks.size());
  std::iota(left.begin(), left.end(), 0U);
  std::mt19937 random(1);
  std::vector<ChoiceTask> picked;
  for (size_t i = 0, n = all ? tasks.size() : n_wanted; i < n; ++i) {
    if (format == ChoiceFormat::hellaswag) {
      const auto place =
          left.begin() + static_cast<std::ptrdiff_t>(drawn_below(random, static_cast<uint32_t>(left.size())));
      picked.push_back(std::move(tasks[*place]));
      left.erase(place);
    } else {
      // In float32, rounded after each product. The largest numbers round to 1, hence the bound.
      const float share = 0x1p-32F * static_cast<float>(random()) * static_cast<float>(left.size());
      const size_t place = std::min(static_cast<size_t>(share), left.size() - 1);
      picked.push_back(std::move(tasks[left[place]]));
      left[place] = left.back();
      left.pop_back();
    }
  }
  return picked;
}

}  // namespace quipu::tools
