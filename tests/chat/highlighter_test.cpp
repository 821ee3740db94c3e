#include "chat/highlight/highlighter.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <map>
#include <set>

namespace quipu::chat {
namespace {

const char* letter(const Style& style) {
  switch (style.color) {
    case Color::magenta:
      return "K";
    case Color::cyan:
      return "T";
    case Color::green:
      return "S";
    case Color::yellow:
      return "N";
    case Color::grey:
      return "C";
    case Color::blue:
      return "F";
    case Color::red:
      return "R";
    case Color::none:
      return "";
  }
  return "?";
}

// The code with its colours, such as "K<return> N<1>", the same for pieces of any size.
std::string colored(const std::string& language, const std::string& code) {
  std::string first;
  for (const size_t piece : {size_t{1000}, size_t{1}, size_t{2}, size_t{3}}) {
    Highlighter highlighter(find_language(language));
    std::vector<std::pair<std::string, std::string>> runs;
    const auto sink = [&](std::string_view text, const Style& style) {
      if (runs.empty() || runs.back().first != letter(style)) runs.emplace_back(letter(style), "");
      runs.back().second += text;
    };
    std::string plain;
    for (size_t at = 0; at <= code.size();) {
      const size_t end = std::min(code.find('\n', at), code.size());
      for (size_t i = at; i < end; i += piece) highlighter.push(code.substr(i, std::min(piece, end - i)), sink);
      highlighter.end_line(sink);
      if (end < code.size()) runs.emplace_back("", "\n");
      at = end + 1;
    }
    std::string text;
    for (const auto& [kind, run] : runs) {
      text += kind.empty() ? run : kind + "<" + run + ">";
      plain += run;
    }
    EXPECT_EQ(plain, code) << "nothing may be lost";
    if (first.empty()) first = text;
    EXPECT_EQ(text, first) << "in pieces of " << piece;
  }
  return first;
}

TEST(Highlighter, C) {
  EXPECT_EQ(colored("c", "int main(void) { return 0; } // end"),
            "T<int> F<main>(T<void>) { K<return> N<0>; } C<// end>");
  EXPECT_EQ(colored("c", "/* a\n b */ char c = '\\'';\nx = \"a\\\"b\" / 2;"),
            "C</* a>\nC< b */> T<char> c = S<'\\''>;\nx = S<\"a\\\"b\"> / N<2>;");
  EXPECT_EQ(colored("c", "#include <stdio.h>"), "K<#include> <stdio.h>");
}

TEST(Highlighter, Python) {
  EXPECT_EQ(colored("python", "@a.b\ndef f(x: int = 0x1F):\n  \"\"\"Doc\n  more\"\"\"\n  return x # c"),
            "N<@a>.b\nK<def> F<f>(x: T<int> = N<0x1F>):\n  S<\"\"\"Doc>\nS<  more\"\"\">\n  K<return> x C<# c>");
  EXPECT_EQ(colored("py", "s = '' + \"\" + '''x'''"), "s = S<''> + S<\"\"> + S<'''x'''>");
}

TEST(Highlighter, Others) {
  EXPECT_EQ(colored("rust", "fn a<'a>(x: &'a str) -> u8 { 1_000 }"),
            "K<fn> a<'a>(x: &'a T<str>) -> T<u8> { N<1_000> }");
  EXPECT_EQ(colored("bash", "echo \"$HOME\" a#b $x # c"), "K<echo> S<\"$HOME\"> a#b T<$x> C<# c>");
  EXPECT_EQ(colored("SQL", "select Count(*) FROM t -- all"), "K<select> T<Count>(*) K<FROM> t C<-- all>");
  EXPECT_EQ(colored("json", "{\"a\": [1.5, true]}"), "{S<\"a\">: [N<1.5>, T<true>]}");
  EXPECT_EQ(colored("html", "<p class=\"a\">it's</p><!-- x -->"),
            "K<<p> T<class>=S<\"a\">K<>>it'sK<<>/K<p>>C<<!-- x -->>");
  EXPECT_EQ(colored("diff", "+a\n-b\n c\n@@ d"), "S<+a>\nR<-b>\n c\nT<@@ d>");
  EXPECT_EQ(colored("lua", "local x = [[a\nb]] --[[ c ]] y"), "K<local> x = S<[[a>\nS<b]]> C<--[[ c ]]> y");
  EXPECT_EQ(colored("yaml", "key: true # c\nurl: http://x#y"), "key: T<true> C<# c>\nurl: http://x#y");
}

TEST(Highlighter, WithoutALanguageAllIsPlain) {
  EXPECT_EQ(colored("nonsense", "int x; // \"a\""), "int x; // \"a\"");
}

TEST(Languages, TheThirtyUsualOnes) {
  for (const char* name :
       {"c",      "cpp",    "c++",  "csharp",  "c#",         "java",    "javascript", "js",     "typescript",
        "ts",     "python", "py",   "ruby",    "go",         "rust",    "swift",      "kotlin", "scala",
        "php",    "perl",   "lua",  "r",       "julia",      "haskell", "ocaml",      "elixir", "clojure",
        "lisp",   "bash",   "sh",   "zsh",     "powershell", "sql",     "html",       "xml",    "css",
        "json",   "yaml",   "toml", "ini",     "makefile",   "cmake",   "dockerfile", "diff",   "latex",
        "matlab", "dart",   "zig",  "fortran", "pascal",     "asm"}) {
    EXPECT_NE(find_language(name), nullptr) << name;
  }
  EXPECT_EQ(find_language("Python title=x"), find_language("python"));
  EXPECT_EQ(find_language(""), nullptr);
  EXPECT_EQ(find_language("c h"), find_language("c"));
}

TEST(Languages, NamesAreUnique) {
  std::set<std::string> names;
  for (const Language& language : languages()) {
    std::string name;
    for (const char c : std::string(language.names) + " ") {
      if (c != ' ') {
        name += c;
        continue;
      }
      EXPECT_TRUE(names.insert(name).second) << name;
      name.clear();
    }
  }
}

}  // namespace
}  // namespace quipu::chat
