#include "pack/args.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quipu::pack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using Words = std::vector<std::string>;

std::optional<std::string> environment(const std::string& name) {
  if (name == "HOME") return "/home/a b";
  if (name == "EMPTY") return "";
  return std::nullopt;
}

Words words(const std::string& text) {
  const auto args = parse_args(text, environment);
  EXPECT_TRUE(args.ok()) << text << ": " << (args.ok() ? "" : args.error().message);
  return args.ok() ? args->words : Words{};
}
std::string error(const std::string& text) {
  const auto args = parse_args(text, environment);
  return args.ok() ? "no error" : args.error().message;
}

TEST(Args, OneWordPerLineAsMozillasFilesHaveIt) {
  EXPECT_THAT(words("-m\nmodel.gguf\n--temp\n0\n"), ElementsAre("-m", "model.gguf", "--temp", "0"));
  EXPECT_THAT(words("-m\r\nmodel.gguf\r\n"), ElementsAre("-m", "model.gguf"));
}

TEST(Args, SplitsAtAnyWhiteSpace) {
  EXPECT_THAT(words("  -c  8192\t-n 5 \n\n -e"), ElementsAre("-c", "8192", "-n", "5", "-e"));
}

TEST(Args, Comments) {
  EXPECT_THAT(words("# all of it\n-m x # and this\n-p a#b '#c'"), ElementsAre("-m", "x", "-p", "a#b", "#c"));
}

TEST(Args, Quotes) {
  EXPECT_THAT(words(R"('a b' "c d" e'f 'g"h i"j '' "")"), ElementsAre("a b", "c d", "ef gh ij", "", ""));
  EXPECT_THAT(words("'two\nlines'"), ElementsAre("two\nlines"));
  EXPECT_THAT(words(R"('no \escape $HOME')"), ElementsAre(R"(no \escape $HOME)"));
}

TEST(Args, Backslashes) {
  EXPECT_THAT(words(R"(a\ b \" \# \\ "\"" "\n" "\$HOME")"), ElementsAre("a b", "\"", "#", "\\", "\"", "\\n", "$HOME"));
  EXPECT_THAT(words("a\\\nb"), ElementsAre("ab"));
  EXPECT_THAT(words("a\\"), ElementsAre("a\\"));
}

TEST(Args, Variables) {
  EXPECT_THAT(words("$HOME/x ${HOME}y \"<$HOME>\" $UNSET"), ElementsAre("/home/a b/x", "/home/a by", "</home/a b>"));
  EXPECT_THAT(words("\"$UNSET\" $EMPTY"), ElementsAre(""));
  EXPECT_THAT(words("$ $5 a$"), ElementsAre("$", "$5", "a$"));
}

TEST(Args, UserArgumentsGoWhereTheDotsAre) {
  EXPECT_THAT(parse_args("-m x ... --temp 0", environment)->merge({"-p", "hi"}),
              ElementsAre("-m", "x", "-p", "hi", "--temp", "0"));
  EXPECT_THAT(parse_args("-m x", environment)->merge({"-p", "hi"}), ElementsAre("-m", "x", "-p", "hi"));
  EXPECT_THAT(parse_args("", environment)->merge({"-p"}), ElementsAre("-p"));
  EXPECT_THAT(words("'...' a... \\..."), ElementsAre("...", "a...", "..."));
}

TEST(Args, ErrorsNameTheLine) {
  EXPECT_EQ(error("a\nb 'c\n"), ".args, line 2: a ' without its end");
  EXPECT_EQ(error("\n\n\"c\n"), ".args, line 3: a \" without its end");
  EXPECT_THAT(error("a ${HOME"), HasSubstr("line 1: a ${"));
  EXPECT_THAT(error("a ${}"), HasSubstr("line 1: a ${"));
  EXPECT_THAT(error("... \n..."), HasSubstr("line 2: a second '...'"));
  EXPECT_THAT(error(std::string("a\0b", 3)), HasSubstr("NUL"));
}

}  // namespace
}  // namespace quipu::pack
