#include "text/edit_distance.h"

#include <gtest/gtest.h>

namespace quipu::text {
namespace {

TEST(EditDistance, CountsInsertionsDeletionsReplacementsAndSwaps) {
  EXPECT_EQ(edit_distance("", ""), 0U);
  EXPECT_EQ(edit_distance("temp", "temp"), 0U);
  EXPECT_EQ(edit_distance("", "abc"), 3U);
  EXPECT_EQ(edit_distance("tmep", "temp"), 1U);
  EXPECT_EQ(edit_distance("tep", "temp"), 1U);
  EXPECT_EQ(edit_distance("tempp", "temp"), 1U);
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
  EXPECT_EQ(edit_distance("ca", "abc"), 3U);  // optimal string alignment: no edit within a swap
}

}  // namespace
}  // namespace quipu::text
