// The files of tasks with several answers, and the shares made of their scores.
#include <gmock/gmock.h>

#include <cmath>

#include "tools/eval/choice_report.h"
#include "tools/eval/choice_tasks.h"

namespace quipu::tools {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using enum ChoiceFormat;

std::string error_of(ChoiceFormat format, std::string_view content) {
  const auto tasks = parse_choice_tasks(format, content);
  return tasks.ok() ? "no error" : tasks.error().message;
}

std::string number(uint32_t value) {
  std::string bytes;
  for (int i = 0; i < 4; ++i) bytes += static_cast<char>(value >> (8 * i));
  return bytes;
}
std::string text(std::string_view value) {
  return number(static_cast<uint32_t>(value.size())) + std::string(value);
}
// One task: the answer b is right.
std::string binary_task() {
  return text("Q") + number(2) + text("a") + text("b") + number(0) + number(1) + number(0);
}

TEST(ChoiceTasks, HellaSwag) {
  const std::string task = "A: it\r\n2\r\na\r\nb\r\nc\r\nd\r\n";
  for (const auto& content : {task + task, task + task.substr(0, task.size() - 2), task + task + "\n\n"}) {
    const auto tasks = parse_choice_tasks(hellaswag, content);
    ASSERT_TRUE(tasks.ok()) << tasks.error().message;
    ASSERT_EQ(tasks->size(), 2U);
    const ChoiceTask& second = (*tasks)[1];
    EXPECT_EQ(second.number, 1U);
    EXPECT_EQ(second.choices[3].context, "A: it");
    EXPECT_EQ(second.choices[3].continuation, " d");
    EXPECT_EQ(second.choices[3].n_characters(), 1U);
    EXPECT_THAT((std::vector{second.choices[0].right, second.choices[1].right, second.choices[2].right,
                             second.choices[3].right}),
                ElementsAre(false, false, true, false));
  }
  EXPECT_EQ(error_of(hellaswag, ""), "there is no task");
  EXPECT_THAT(error_of(hellaswag, task + "x\n1\n"), HasSubstr("has 8 lines, but a task has 6"));
  EXPECT_THAT(error_of(hellaswag, task + "x\n4\na\nb\nc\nd"), HasSubstr("line 8 is '4'"));
  EXPECT_THAT(error_of(hellaswag, "x\n1\na\n\nc\nd"), HasSubstr("line 4 is empty"));
  EXPECT_THAT(error_of(hellaswag, "\n1\na\nb\nc\nd"), HasSubstr("line 1 is empty"));
}

TEST(ChoiceTasks, Winogrande) {
  const auto tasks =
      parse_choice_tasks(winogrande, "0,\"He said \"\"no\"\", _ did.\",Tom,\"Paul, too\",2\n\n1,a _ b,c,d,1");
  ASSERT_TRUE(tasks.ok()) << tasks.error().message;
  ASSERT_EQ(tasks->size(), 2U);
  EXPECT_EQ((*tasks)[0].choices[0].context, "He said \"no\", Tom");
  EXPECT_EQ((*tasks)[0].choices[1].context, "He said \"no\", Paul, too");
  EXPECT_EQ((*tasks)[0].choices[1].continuation, " did.");
  EXPECT_TRUE((*tasks)[0].choices[1].right);
  EXPECT_TRUE((*tasks)[1].choices[0].right);
  EXPECT_THAT(error_of(winogrande, "0,a _ b,c,1\n"), HasSubstr("line 1: it has 4 fields"));
  EXPECT_THAT(error_of(winogrande, "\n0,a b,c,d,1\n"), HasSubstr("line 2: the sentence 'a b' has no _"));
  EXPECT_THAT(error_of(winogrande, "0,a _,c,d,1\n"), HasSubstr("nothing follows"));
  EXPECT_THAT(error_of(winogrande, "0,a _ b,c,d,3\n"), HasSubstr("answer is '3'"));
  EXPECT_THAT(error_of(winogrande, "0,a _ b,c,,1\n"), HasSubstr("choice is empty"));
  EXPECT_THAT(error_of(winogrande, "0,\"a _ b,c,d,1\n"), HasSubstr("not closed"));
}

TEST(ChoiceTasks, MultipleChoice) {
  const std::string content = number(1) + number(8) + binary_task();
  const auto tasks = parse_choice_tasks(multiple_choice, content);
  ASSERT_TRUE(tasks.ok()) << tasks.error().message;
  ASSERT_EQ(tasks->size(), 1U);
  EXPECT_EQ((*tasks)[0].choices[1].context, "Q");
  EXPECT_EQ((*tasks)[0].choices[1].continuation, " b");
  EXPECT_FALSE((*tasks)[0].choices[0].right);
  EXPECT_TRUE((*tasks)[0].choices[1].right);
  for (size_t size = 0; size < content.size(); ++size) {
    EXPECT_FALSE(parse_choice_tasks(multiple_choice, content.substr(0, size)).ok()) << size;
  }
  EXPECT_THAT(error_of(multiple_choice, number(0xFFFFFFFF) + binary_task()), HasSubstr("too early"));
  EXPECT_THAT(error_of(multiple_choice, number(1) + number(8) + text("Q") + number(101)), HasSubstr("101 answers"));
  EXPECT_THAT(error_of(multiple_choice, number(1) + number(8) + number(0xFFFFFFF0) + "abc"), HasSubstr("only 3 more"));
  EXPECT_THAT(error_of(multiple_choice, number(1) + number(8) + text("Q") + number(0) + number(0)),
              HasSubstr("task 0 of 1: there is no answer"));
}

TEST(ChoiceTasks, PickedOnesAreDistinct) {
  for (const ChoiceFormat format : {hellaswag, winogrande, multiple_choice}) {
    for (const size_t n : {1U, 50U, 99U, 100U, 0U}) {
      std::vector<ChoiceTask> tasks(100);
      for (size_t i = 0; i < tasks.size(); ++i) tasks[i].number = i;
      std::vector<size_t> numbers;
      for (const ChoiceTask& task : pick_choice_tasks(format, std::move(tasks), n)) numbers.push_back(task.number);
      EXPECT_EQ(numbers.size(), n == 0 ? 100 : n);
      std::sort(numbers.begin(), numbers.end());
      EXPECT_EQ(std::unique(numbers.begin(), numbers.end()), numbers.end());
      EXPECT_LT(numbers.back(), 100U);
    }
  }
}

// Wilson's bounds are where the share found is just 1.96 standard deviations from the true one.
TEST(ChoiceShares, IntervalOfWilson) {
  for (const Share share : {Share{38, 100}, Share{1, 3}, Share{9999, 10042}}) {
    const auto [low, high] = share.interval();
    for (const double bound : {low, high}) {
      const double deviation = std::sqrt(bound * (1 - bound) / static_cast<double>(share.n));
      EXPECT_NEAR(std::abs(share.value() - bound) / deviation, 1.959964, 1e-6);
    }
    EXPECT_LT(low, high);
  }
  EXPECT_EQ((Share{0, 10}.interval().low), 0.0);
  EXPECT_GT((Share{0, 10}.interval().high), 0.2);
}

TEST(ChoiceShares, EachWayOfChoosing) {
  ChoiceTask task;
  task.choices = {{"x", " ab", false},
                  {"x",
                   " \xC3\xA4\xC3\xB6"
                   "cdef",
                   true},
                  {"x", " g", false}};
  const ChoiceScores scores{{-3.0, 1, -3.0}, {-4.0, 2, -2.0}, {-1.0, 1, -2.5}};
  EXPECT_EQ(chosen(hellaswag, task, scores, ChoiceBy::per_token), 1U);
  EXPECT_EQ(chosen(hellaswag, task, scores, ChoiceBy::whole), 2U);
  EXPECT_EQ(chosen(hellaswag, task, scores, ChoiceBy::per_character), 1U);  // -4 / 6 beats -1 / 1
  const ChoiceShares shares = choice_shares(hellaswag, {&task, 1}, {&scores, 1});
  EXPECT_EQ(shares.per_token.n_right, 1U);
  EXPECT_EQ(shares.whole.n_right, 0U);
  EXPECT_EQ(shares.per_character.n_right, 1U);
  EXPECT_NEAR(shares.by_chance, 1.0 / 3.0, 1e-12);
}

}  // namespace
}  // namespace quipu::tools
