// Automata of numbers against arithmetic on hundredths.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "grammar/json_number.h"

namespace quipu::grammar {
namespace {

struct Text {
  std::string text;
  int hundredths;
};

// Every number from -120.99 to 120.99, with no, one and two digits behind the point.
const std::vector<Text>& texts() {
  static const std::vector<Text> all = [] {
    std::vector<Text> result;
    for (const int sign : {1, -1}) {
      for (int whole = 0; whole <= 120; ++whole) {
        const std::string w = (sign < 0 ? "-" : "") + std::to_string(whole);
        result.push_back({w, sign * 100 * whole});
        for (int d = 0; d < 10; ++d) result.push_back({w + "." + std::to_string(d), sign * (100 * whole + 10 * d)});
        for (int d = 0; d < 100; ++d) {
          const std::string digits = std::to_string(100 + d).substr(1);
          result.push_back({w + "." + digits, sign * (100 * whole + d)});
        }
      }
    }
    return result;
  }();
  return all;
}

Decimal decimal(const std::string& text) {
  return *Decimal::of(nlohmann::ordered_json::parse(text));
}

TEST(Numbers, KeepToTheirBounds) {
  const std::vector<Text> bounds{{"-100", -10000}, {"-10.25", -1025}, {"-2", -200},  {"-0.5", -50}, {"0", 0},
                                 {"0.05", 5},      {"1", 100},        {"9.99", 999}, {"10", 1000},  {"1e1", 1000},
                                 {"10.25", 1025},  {"99.9", 9990},    {"5e-2", 5},   {"-0.0", 0}};
  for (const Text& b : bounds) {
    for (const Bound bound : {Bound::at_least, Bound::above, Bound::at_most, Bound::below}) {
      NumberConstraints constraints;
      constraints.bounds.emplace_back(bound, decimal(b.text));
      const auto fsa = numbers(constraints);
      constraints.integer = true;
      const auto integers = numbers(constraints);
      ASSERT_TRUE(fsa.ok() && integers.ok());
      for (const Text& t : texts()) {
        const int x = t.hundredths, y = b.hundredths;
        const bool expected = bound == Bound::at_least  ? x >= y
                              : bound == Bound::above   ? x > y
                              : bound == Bound::at_most ? x <= y
                                                        : x < y;
        ASSERT_EQ(accepts(*fsa, t.text), expected) << t.text << " and " << b.text;
        const bool is_plain = t.text.find('.') == std::string::npos;
        ASSERT_EQ(accepts(*integers, t.text), expected && is_plain) << t.text << " and " << b.text;
      }
    }
  }
}

TEST(Numbers, KeepToTheirStep) {
  for (const Text& step :
       {Text{"0.25", 25}, {"3", 300}, {"0.07", 7}, {"10", 1000}, {"1.5", 150}, {"0.01", 1}, {"1e1", 1000}}) {
    NumberConstraints constraints;
    constraints.multiple_of.push_back(decimal(step.text));
    const auto fsa = numbers(constraints);
    ASSERT_TRUE(fsa.ok());
    for (const Text& t : texts()) {
      ASSERT_EQ(accepts(*fsa, t.text), t.hundredths % step.hundredths == 0) << t.text << " by " << step.text;
    }
  }
}

TEST(Numbers, RefusesWhatIsNoJson) {
  const auto fsa = numbers({});
  for (const char* text : {"", "-", "01", "1.", ".5", "+1", "1e", "1e+", "1e123", "--1", "0x1", "1,0"}) {
    EXPECT_FALSE(accepts(*fsa, text)) << text;
  }
  for (const char* text : {"0", "-0", "1", "-10.50", "1e5", "1E-12", "0.1e+9"})
    EXPECT_TRUE(accepts(*fsa, text)) << text;
}

}  // namespace
}  // namespace quipu::grammar
