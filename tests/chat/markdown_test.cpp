#include "chat/markdown/markdown_stream.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>

#include "tests/chat/tiny_screen.h"
#include "text/utf8.h"

namespace quipu::chat {
namespace {

using testing::ElementsAre;
using Rows = std::vector<std::string>;

// The screen after the text came in pieces of so many characters.
Rows drawn(std::string_view text, size_t columns, size_t piece, bool styles) {
  MarkdownStream stream(columns);
  TinyScreen screen(columns);
  for (size_t at = 0; at < text.size();) {
    size_t end = at;
    for (size_t i = 0; i < piece && end < text.size(); ++i) end += text::decode_at(text, end).size;
    screen.write(stream.push(text.substr(at, end - at)));
    at = end;
  }
  screen.write(stream.finish());
  return screen.rows(styles);
}
// The same for pieces of any size, or an explanation.
Rows shown(std::string_view text, size_t columns = 80, bool styles = false) {
  const Rows rows = drawn(text, columns, 1000, styles);
  for (const size_t piece : {1, 2, 3, 7}) {
    if (drawn(text, columns, piece, styles) != rows) return {"differs in pieces of", std::to_string(piece)};
  }
  return rows;
}
Rows styled(std::string_view text) {
  return shown(text, 80, true);
}

TEST(Markdown, Emphasis) {
  EXPECT_THAT(styled("a *b* **c** ***d*** ~~e~~ f"), ElementsAre("a {i}b{} {b}c{} {bi}d{} {s}e{} f"));
  EXPECT_THAT(styled("**bold with *italic* inside**"), ElementsAre("{b}bold with {bi}italic{b} inside"));
  EXPECT_THAT(styled("*a **b***"), ElementsAre("{i}a {bi}b"));
  EXPECT_THAT(styled("_x_ __y__ snake_case_name"), ElementsAre("{i}x{} {b}y{} snake_case_name"));
}

TEST(Markdown, MarksThatOpenNothingStay) {
  EXPECT_THAT(styled("2 * 3 * 4, a*b, **open, *args, ~x, 5`"), ElementsAre("2 * 3 * 4, a*b, **open, *args, ~x, 5`"));
  EXPECT_THAT(styled("\\*not\\* \\`this\\` a\\b"), ElementsAre("*not* `this` a\\b"));
  // Over a line end nothing is emphasised.
  EXPECT_THAT(styled("**a\nb**"), ElementsAre("**a", "b**"));
}

TEST(Markdown, EmphasisThatIsTooLongToWaitFor) {
  const std::string text(500, 'x');
  Rows rows = shown("**" + text + "**", 600);
  EXPECT_THAT(rows, ElementsAre("**" + text + "**"));
}

TEST(Markdown, CodeSpans) {
  EXPECT_THAT(styled("use `a*b*c` and ``x`y``."), ElementsAre("use {36}a*b*c{} and {36}x`y{}."));
  EXPECT_THAT(styled("**`x`**"), ElementsAre("{b36}x"));
}

TEST(Markdown, Links) {
  EXPECT_THAT(styled("see [the *page*](https://a.b/c) now"),
              ElementsAre("see {u}the {iu}page{90} (https://a.b/c){} now"));
  EXPECT_THAT(styled("[https://a.b](https://a.b)"), ElementsAre("{u}https://a.b"));
  EXPECT_THAT(styled("a[0] = [1] [x]y ![alt](i.png)"), ElementsAre("a[0] = [1] [x]y {u}alt{90} (i.png)"));
  EXPECT_THAT(styled("open [link"), ElementsAre("open [link"));
}

TEST(Markdown, Headings) {
  EXPECT_THAT(styled("# One\n## *Two*\ntext\n#hash\n####### seven"),
              ElementsAre("{bu35}One", "{bi35}Two", "text", "#hash", "####### seven"));
}

TEST(Markdown, Lists) {
  EXPECT_THAT(
      shown("- one\n* two\n+ three\n  - nested\n10. ten\n11) eleven\n-5 is no item\n3.14 neither"),
      ElementsAre("• one", "• two", "• three", "  • nested", "10. ten", "11) eleven", "-5 is no item", "3.14 neither"));
}

TEST(Markdown, HangingIndents) {
  EXPECT_THAT(shown("- aaaa bbbb cccc dddd\n  1. eeee ffff gggg\n> hhhh iiii jjjj kkkk", 14),
              ElementsAre("• aaaa bbbb", "  cccc dddd", "  1. eeee ffff", "     gggg", "│ hhhh iiii", "│ jjjj kkkk"));
}

TEST(Markdown, RulesAndLineEnds) {
  EXPECT_THAT(shown("a\nb\n\n---\n\nc\n***\n--", 10),
              ElementsAre("a", "b", "", "──────────", "", "c", "──────────", "--"));
}

TEST(Markdown, FencedCode) {
  EXPECT_THAT(shown("x\n```\n*a* | # b\n  ``\n```\ny"), ElementsAre("x", "```", "*a* | # b", "  ``", "```", "y"));
  EXPECT_THAT(shown("~~~~ text\n```\n~~~\n~~~~\n**z**"), ElementsAre("~~~~ text", "```", "~~~", "~~~~", "z"));
  EXPECT_THAT(shown("- item\n  ```sh\n  ls\n  ```\n  more"),
              ElementsAre("• item", "  ```sh", "  ls", "  ```", "  more"));
  // A fence that never ends.
  EXPECT_THAT(shown("```py\nx = 1"), ElementsAre("```py", "x = 1"));
}

TEST(Markdown, Tables) {
  EXPECT_THAT(shown("| Name | N |\n|:--|--:|\n| **a** | 1 |\n| 日本 | 10 |\nafter"),
              ElementsAre("┌──────┬────┐", "│ Name │  N │", "├──────┼────┤", "│ a    │  1 │", "│ 日本 │ 10 │",
                          "└──────┴────┘", "after"));
  EXPECT_THAT(shown("| a | b |\n|---|---|\n| one two three four | x |\n", 20),
              ElementsAre("┌──────────────┬───┐", "│ a            │ b │", "├──────────────┼───┤",
                          "│ one two      │ x │", "│ three four   │   │", "└──────────────┴───┘"));
  EXPECT_THAT(shown("| no table |\nnext"), ElementsAre("| no table |", "next"));
  EXPECT_THAT(shown("| `a|b` | c\\|d |\n|---|---|"),
              ElementsAre("┌─────┬─────┐", "│ a|b │ c|d │", "├─────┼─────┤", "└─────┴─────┘"));
}

TEST(Markdown, WordsThatDoNotFitGoToTheNextLine) {
  EXPECT_THAT(shown("aaaa bbbb cccccccc", 10), ElementsAre("aaaa bbbb", "cccccccc"));
  EXPECT_THAT(shown("aaaa bbbbb cc", 10), ElementsAre("aaaa bbbbb", "cc"));
  EXPECT_THAT(shown("aa bbbbbbbbbbbbbbb c", 10), ElementsAre("aa", "bbbbbbbbbb", "bbbbb c"));
  EXPECT_THAT(styled("aa **bb**cc"), ElementsAre("aa {b}bb{}cc"));
  EXPECT_THAT(shown("a     b", 80), ElementsAre("a     b"));
}

TEST(Markdown, TextWithoutBlanks) {
  EXPECT_THAT(shown("日本語のテキスト", 10), ElementsAre("日本語のテ", "キスト"));
  EXPECT_THAT(shown("ab 日本語のテ", 10), ElementsAre("ab 日本語", "のテ"));
  EXPECT_THAT(shown("ภาษาไทยไม่มีช่องว่าง", 9), ElementsAre("ภาษาไทยไม่", "มีช่องว่าง"));
}

TEST(Markdown, ClustersStayWhole) {
  // Combining marks come as characters of their own.
  EXPECT_THAT(shown("e\u0301e\u0301e\u0301 x", 80), ElementsAre("e\u0301e\u0301e\u0301 x"));
}

TEST(Markdown, EveryWidthShowsTheSameWords) {
  const std::string text = "The **quick** brown fox `jumps` over the *lazy* dog, 日本語 and [a link](http://x.y) too.";
  std::string words;
  for (const std::string& row : shown(text, 200)) words += row;
  std::erase(words, ' ');
  for (size_t columns = 5; columns < 100; ++columns) {
    std::string joined;
    for (const std::string& row : shown(text, columns)) joined += row;
    std::erase(joined, ' ');
    EXPECT_EQ(joined, words) << columns;
  }
}

// The smallest model writes some 200 tokens a second; drawing one may take 2 % of its 5 ms.
TEST(Markdown, DrawingATokenTakesLittleTime) {
  const std::string page =
      "## A heading\n\nSome **bold** prose with `code` and [a link](https://example.org), long enough to be wrapped at "
      "the margin of the window more than once, as answers are.\n\n- an item\n- 1 < 2 && 3 * 4\n\n```python\n# "
      "twice\ndef twice(x):\n    return \"two\" * x\n```\n\n| a | b |\n|---|---|\n| 1 | 2 |\n\n";
  constexpr size_t kTokenBytes = 4, kPages = 200;
  MarkdownStream stream(80);
  size_t n_tokens = 0, n_bytes = 0;
  const auto begin = std::chrono::steady_clock::now();
  for (size_t i = 0; i < kPages; ++i) {
    for (size_t at = 0; at < page.size(); at += kTokenBytes, ++n_tokens) {
      n_bytes += stream.push(page.substr(at, kTokenBytes)).size();
    }
  }
  const double us = std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begin).count();
  const double us_per_token = us / static_cast<double>(n_tokens);
  RecordProperty("us_per_token", std::to_string(us_per_token));
  EXPECT_GT(n_bytes, kPages * page.size());
  EXPECT_LT(us_per_token, 100.0);
}

}  // namespace
}  // namespace quipu::chat
