#include "engine/stop_text.h"

#include <gtest/gtest.h>

namespace quipu::engine {
namespace {

// All ways to cut a text into two pieces must give what one piece gives.
TEST(StopText, IsFoundHoweverTheTextIsCut) {
  const std::string text = "one two STOP three";
  for (size_t cut = 0; cut <= text.size(); cut++) {
    StopText filter({"STOP", "never"});
    std::string shown = filter.push(text.substr(0, cut));
    shown += filter.push(text.substr(cut));
    shown += filter.finish();
    EXPECT_EQ(shown, "one two ") << "cut at " << cut;
    EXPECT_TRUE(filter.found());
  }
}

TEST(StopText, WhatOnlyLookedLikeAStopIsHandedOut) {
  StopText filter({"abcd"});
  EXPECT_EQ(filter.push("xabc"), "x");
  EXPECT_EQ(filter.push("abc"), "abc");
  EXPECT_EQ(filter.finish(), "abc");
  EXPECT_FALSE(filter.found());
}

TEST(StopText, TheEarliestWins) {
  StopText filter({"late", "early"});
  EXPECT_EQ(filter.push("x early late"), "x ");
}

TEST(StopText, EmptyStopsAreNoStops) {
  StopText filter({""});
  EXPECT_EQ(filter.push("text"), "text");
  EXPECT_FALSE(filter.found());
}

}  // namespace
}  // namespace quipu::engine
