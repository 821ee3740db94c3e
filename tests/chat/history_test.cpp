#include "chat/line_editor/history.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

namespace quipu::chat {
namespace {

using testing::ElementsAre;

class HistoryTest : public testing::Test {
 protected:
  HistoryTest() {
    folder_ = std::filesystem::temp_directory_path() /
              (std::string("quipu-history-") + testing::UnitTest::GetInstance()->current_test_info()->name());
    std::filesystem::remove_all(folder_);
  }
  ~HistoryTest() override { std::filesystem::remove_all(folder_); }
  std::filesystem::path folder_;
};

TEST_F(HistoryTest, IsThereAgainTheNextTime) {
  const auto path = folder_ / "a" / "history";
  {
    History history(path);
    history.add("one");
    history.add("two\nlines \\n");
    history.add("two\nlines \\n");
    history.add("");
  }
  EXPECT_THAT(History(path).entries(), ElementsAre("one", "two\nlines \\n"));
  EXPECT_EQ(std::filesystem::status(path).permissions(), std::filesystem::perms(0600));
  EXPECT_EQ(std::filesystem::status(path.parent_path()).permissions(), std::filesystem::perms(0700));
}

TEST_F(HistoryTest, Keeps1024Entries) {
  const auto path = folder_ / "history";
  {
    History history(path);
    for (int i = 0; i < 5000; ++i) history.add(std::to_string(i));
  }
  const History history(path);
  EXPECT_EQ(history.entries().size(), 1024U);
  EXPECT_EQ(history.entries().back(), "4999");
  std::ifstream in(path);
  EXPECT_LT(std::count(std::istreambuf_iterator<char>(in), {}, '\n'), 2048);
}

TEST_F(HistoryTest, Searches) {
  History history;
  for (const char* entry : {"apple pie", "banana", "apple tart"}) history.add(entry);
  EXPECT_EQ(history.find_back("apple", 3), 2U);
  EXPECT_EQ(history.find_back("apple", 2), 0U);
  EXPECT_EQ(history.find_back("apple", 0), std::nullopt);
  EXPECT_EQ(history.find_forward("tart", 0), 2U);
}

TEST_F(HistoryTest, AnUnwritableFolderIsPassedOver) {
  History history("/proc/quipu/history");
  history.add("one");
  EXPECT_THAT(history.entries(), ElementsAre("one"));
}

TEST_F(HistoryTest, ADamagedFileIsReadAsFarAsItGoes) {
  std::filesystem::create_directories(folder_);
  std::ofstream(folder_ / "history") << "good\n\x1b[31mbad\xff\n\nlast";
  EXPECT_THAT(History(folder_ / "history").entries(), ElementsAre("good", "[31mbad\xEF\xBF\xBD", "last"));
}

}  // namespace
}  // namespace quipu::chat
