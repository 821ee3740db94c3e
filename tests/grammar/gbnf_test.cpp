#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <string>

#include "base/random.h"
#include "grammar/matcher.h"

namespace quipu::grammar {
namespace {

using ::testing::HasSubstr;

Grammar gbnf(std::string_view text) {
  auto grammar = Grammar::from_gbnf(text);
  EXPECT_TRUE(grammar.ok()) << (grammar.ok() ? "" : grammar.error().message);
  return std::move(grammar).value();
}

std::shared_ptr<const TokenTrie> trie_of(const std::vector<std::string>& tokens, std::vector<Token> end = {}) {
  const std::vector<std::string_view> views(tokens.begin(), tokens.end());
  return std::make_shared<const TokenTrie>(views, end);
}

bool matches(const Grammar& grammar, std::string_view text) {
  Matcher matcher(grammar, trie_of({"x"}));
  return matcher.accept_bytes(text) && matcher.is_accepting();
}

struct Texts {
  const char* grammar;
  std::vector<std::string> in, out;
};

TEST(Gbnf, AcceptsExactlyItsLanguage) {
  const Texts all[] = {
      {"root ::= \"a\"", {"a"}, {"", "b", "aa"}},
      {"root ::= \"ab\" | \"cd\" |", {"ab", "cd", ""}, {"abcd", "a"}},
      {"root ::= [a-c]+ [^a-c\\n]?", {"a", "abc", "abcd", "ab\xc3\xa4"}, {"", "d", "a\n", "add"}},
      {"root ::= (\"x\" | \"y\"){2,3}", {"xy", "xxx"}, {"x", "xyxy"}},
      {"root ::= \"x\"{3}", {"xxx"}, {"xx", "xxxx"}},
      {"root ::= \"x\"{2,}", {"xx", "xxxxxx"}, {"x", ""}},
      {"root ::= \"x\"{0}", {""}, {"x"}},
      {"root ::= .", {"a", "\xe2\x82\xac", "\xf0\x9f\x98\x80", "\n"}, {"", "ab", "\xff", "\xed\xa0\x80", "\xc0\x80"}},
      {"root ::= [\\u00e4-\\u00f6]", {"\xc3\xa4", "\xc3\xb6"}, {"\xc3\xa3", "\xc3\xb7", "\xc3"}},
      {"root ::= [\\U00010000-\\U0010FFFF]",
       {"\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf"},
       {"\xef\xbf\xbf", "\xf0\x8f\xbf\xbf"}},
      {"root ::= [a\\]\\-b-]", {"a", "]", "-", "b"}, {"c"}},
      {"root ::= item (\",\" item)*  # list\nitem ::= [0-9]+\n", {"1", "1,22,3"}, {"", ",", "1,"}},
      {"root ::= \"(\" root \")\" | \"x\"", {"x", "(x)", "(((x)))"}, {"(x", "x)", "()"}},
      {"root ::= ws \"x\"\nws ::= [ ] ws |", {"x", "   x"}, {" ", ""}},
      {"root ::= a\n  | b\na ::= \"1\"\nb ::=\n  \"2\"", {"1", "2"}, {"12"}},
      {"root ::= (a?)* \"e\"\na ::= \"b\"? \"c\"?", {"e", "bce", "cbe"}, {"b"}},
  };
  for (const Texts& t : all) {
    const Grammar grammar = gbnf(t.grammar);
    for (const auto& text : t.in) EXPECT_TRUE(matches(grammar, text)) << t.grammar << " : " << text;
    for (const auto& text : t.out) EXPECT_FALSE(matches(grammar, text)) << t.grammar << " : " << text;
  }
}

TEST(Gbnf, ErrorsNameTheirPlace) {
  const std::pair<std::string, const char*> all[] = {
      {"", "no rule 'root'"},
      {"x ::= \"a\"", "no rule 'root'"},
      {"root ::= foo", "line 1, column 10: the rule 'foo' is not defined"},
      {"root ::= \"a", "line 1, column 12: a literal is not closed"},
      {"root ::= [a", "a class is not closed"},
      {"root ::= [z-a]", "a range ends before it begins"},
      {"root ::= (\"a\"", "expected )"},
      {"root ::= \"a\")", "expected the end of the rule 'root'"},
      {"root = \"a\"", "line 1, column 6: expected ::="},
      {"root ::= \"a\"\nroot ::= \"b\"", "line 2, column 1: the rule 'root' is defined twice"},
      {"root ::= \"\\q\"", "unknown escape"},
      {"root ::= \"\\ud800\"", "is no character"},
      {"root ::= \"a\"{3,2}", "{3,2} is no repetition"},
      {"root ::= \"a\"{99999999999}", "more than 100000 repetitions"},
      {"root ::= ((\"a\"{1000}){1000}){1000}", "the rule 'root': a rule needs more than 100000 states"},
      {"root ::= root \"a\" | \"b\"", "the rule 'root' begins with itself"},
      {"root ::= a\na ::= b? c\nb ::= \"x\"?\nc ::= b a | \"c\"", "begins with itself"},
      {"root ::= \"a\" root", "no text at all satisfies the rule 'root'"},
      {"root ::= \"\xff\"", "invalid UTF-8"},
      {"root ::= <[12]>", "tokens in a grammar"},
      {"root ::= " + std::string(5000, '(') + "\"a\"" + std::string(5000, ')'), "nested deeper than 200"},
  };
  for (const auto& [text, message] : all) {
    const auto grammar = Grammar::from_gbnf(text);
    ASSERT_FALSE(grammar.ok()) << text.substr(0, 80);
    EXPECT_THAT(grammar.error().message, HasSubstr(message));
  }
}

// The mask by definition: a token may come if the matcher takes its bytes.
std::vector<uint32_t> mask_by_trying(const Matcher& matcher, const TokenTrie& trie) {
  std::vector<uint32_t> mask((trie.n_vocab() + 31) / 32, 0);
  for (size_t t = 0; t < trie.n_vocab(); ++t) {
    Matcher copy = matcher.clone();
    if (copy.accept(static_cast<Token>(t))) mask[t / 32] |= 1u << (t % 32);
  }
  return mask;
}

// Tokens of up to four bytes of the grammars' letters, whole and partial characters.
std::shared_ptr<const TokenTrie> random_trie(Random& random) {
  const std::string letters = "ab(),[] x\"1\xc3\xa4\xe2\x82\xac";
  std::vector<std::string> tokens{"", "</s>"};
  for (const char c : letters) tokens.emplace_back(1, c);
  for (int i = 0; i < 300; ++i) {
    std::string token;
    for (uint64_t n = 1 + random.next() % 5; n > 0; --n) token += letters[random.next() % letters.size()];
    tokens.push_back(token);
  }
  return trie_of(tokens, {1});
}

TEST(Matcher, MaskIsWhatTheMatcherTakes) {
  const char* grammars[] = {
      "root ::= \"(\" root \")\" root | \"x\"",
      ("root ::= list\nlist ::= \"[\" (item (\", \" item)*)? \"]\"\nitem ::= list | string | [0-9]+\nstring ::= "
       "\"\\\"\" [^\"]* \"\\\"\""),
      "root ::= [\\u00e4\\u20ac]+ (\"a\" | \"ab\" b)*\nb ::= \"b\" c? \nc ::= \"(\" b \")\" | \"\"",
      "root ::= s\ns ::= | a s b\na ::= \"(\" | \"((\" \nb ::= \")\" | \"))\"",
      "root ::= (x | x x | \"a\")* \"]\"\nx ::= \"a\" y?\ny ::= \"b\" | \"bb\" x",
  };
  Random random(4);
  for (const char* text : grammars) {
    const Grammar grammar = gbnf(text);
    for (int run = 0; run < 12; ++run) {
      const auto trie = random_trie(random);
      auto cache = std::make_shared<MaskCache>(grammar, trie);
      Matcher matcher(cache);
      for (int step = 0; step < 25 && !matcher.is_finished(); ++step) {
        std::vector<uint32_t> mask((trie->n_vocab() + 31) / 32);
        const auto expected = mask_by_trying(matcher, *trie);
        const Status status = matcher.fill_mask(mask);
        ASSERT_TRUE(status.ok()) << text << status.error().message;
        ASSERT_EQ(mask, expected) << text << " step " << step;
        std::vector<Token> allowed;
        for (size_t t = 0; t < trie->n_vocab(); ++t) {
          if ((mask[t / 32] >> (t % 32)) & 1u) allowed.push_back(static_cast<Token>(t));
        }
        ASSERT_TRUE(matcher.accept(allowed[random.next() % allowed.size()]));
      }
    }
  }
}

TEST(Matcher, RefusesWithoutChanging) {
  Matcher matcher(gbnf("root ::= \"ab\""), trie_of({"a", "b", "ac", "</s>", ""}, {3}));
  for (const Token t : {-1, 1, 2, 3, 4, 5}) EXPECT_FALSE(matcher.accept(t));
  EXPECT_TRUE(matcher.accept(0));
  EXPECT_FALSE(matcher.is_accepting());
  EXPECT_TRUE(matcher.accept(1));
  EXPECT_TRUE(matcher.is_accepting());
  std::vector<uint32_t> mask(1);
  ASSERT_TRUE(matcher.fill_mask(mask).ok());
  EXPECT_EQ(mask[0], 8u);
  EXPECT_TRUE(matcher.accept(3));
  EXPECT_FALSE(matcher.accept(3));
  EXPECT_FALSE(matcher.fill_mask(mask).ok());
}

TEST(Matcher, AnEmptyMaskIsAnError) {
  Matcher matcher(gbnf("root ::= \"\xc3\xa4\""), trie_of({"a", "b"}));
  std::vector<uint32_t> mask(1);
  const Status status = matcher.fill_mask(mask);
  ASSERT_FALSE(status.ok());
  EXPECT_THAT(status.error().message, HasSubstr("no token can come"));
}

TEST(Matcher, AmbiguityWithoutEndIsAnError) {
  Matcher matcher(gbnf("root ::= s \"!\"\ns ::= \"a\" s s s | \"a\" s s | \"a\" s | \"a\" s t | \"a\"\nt ::= s s | s"),
                  trie_of({std::string(60, 'a'), "!"}));
  std::vector<uint32_t> mask(1);
  const Status status = matcher.fill_mask(mask);
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().kind, ErrorKind::limit_exceeded);
}

}  // namespace
}  // namespace quipu::grammar
