// Models in several files.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "gguf/gguf.h"
#include "tests/gguf/builder.h"

namespace quipu::gguf {
namespace {

using test::Builder;
using ::testing::HasSubstr;
using ::testing::StartsWith;

Builder part(uint16_t number, uint16_t count, int32_t n_tensors, const std::string& tensor) {
  Builder b;
  b.header(1, 4).key("split.no", ValueType::u16).number(number);
  b.key("split.count", ValueType::u16).number(count);
  b.key("split.tensors.count", ValueType::i32).number(n_tensors);
  b.key("which", ValueType::u16).number(number);
  b.tensor(tensor, {1}, 0, 0).pad(32).number(static_cast<float>(number));
  return b;
}

std::string refusal(std::vector<Builder> builders) {
  std::vector<Source> sources;
  for (size_t i = 0; i < builders.size(); ++i) {
    sources.push_back({nullptr, builders[i].bytes(), "part" + std::to_string(i)});
  }
  const auto file = File::open(std::move(sources));
  return file.ok() ? "" : file.error().message;
}

class SplitFiles : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = std::filesystem::path(::testing::TempDir()) / (std::string("quipu_split_") + test->name());
    std::filesystem::remove_all(folder_);
    std::filesystem::create_directories(folder_);
  }
  void TearDown() override { std::filesystem::remove_all(folder_); }

  std::filesystem::path put(const std::string& name, Builder builder) {
    std::ofstream(folder_ / name, std::ios::binary)
        .write(reinterpret_cast<const char*>(builder.bytes().data()), static_cast<std::streamsize>(builder.size()));
    return folder_ / name;
  }

  std::filesystem::path folder_;
};

TEST_F(SplitFiles, AreOpenedByTheFirst) {
  const auto first = put("m-00001-of-00002.gguf", part(0, 2, 2, "a"));
  put("m-00002-of-00002.gguf", part(1, 2, 2, "b"));
  const auto file = File::open(first);
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->parts().size(), 2u);
  EXPECT_EQ(file->name(), "m-00001-of-00002.gguf");
  EXPECT_EQ(*file->require<uint32_t>("which"), 0u);
  for (const auto& [name, expected] : {std::pair("a", 0.f), std::pair("b", 1.f)}) {
    const Tensor* tensor = file->find_tensor(name);
    ASSERT_NE(tensor, nullptr);
    float value = -1;
    std::memcpy(&value, tensor->data.data(), sizeof value);
    EXPECT_EQ(value, expected);
  }
  EXPECT_EQ(file->total_bytes(), file->parts()[0].bytes.size() + file->parts()[1].bytes.size());
}

TEST_F(SplitFiles, AnotherThanTheFirstNamesTheFirst) {
  const auto second = put("m-00002-of-00002.gguf", part(1, 2, 2, "b"));
  EXPECT_EQ(File::open(second).error().message,
            "m-00002-of-00002.gguf: part 2 of 2 of a split model: open the first one, m-00001-of-00002.gguf");
}

TEST_F(SplitFiles, AMissingPartIsNamed) {
  const auto first = put("m-00001-of-00003.gguf", part(0, 3, 3, "a"));
  put("m-00002-of-00003.gguf", part(1, 3, 3, "b"));
  const auto file = File::open(first);
  ASSERT_FALSE(file.ok());
  EXPECT_EQ(file.error().kind, ErrorKind::not_found);
  EXPECT_THAT(file.error().message, StartsWith("m-00001-of-00003.gguf: part 3 of 3: "));
  EXPECT_THAT(file.error().message, HasSubstr("m-00003-of-00003.gguf"));
}

TEST_F(SplitFiles, AnotherNameDoesNotTellWhereTheOthersAre) {
  const auto first = put("model.gguf", part(0, 2, 2, "a"));
  EXPECT_EQ(
      File::open(first).error().message,
      "model.gguf: part 1 of 2 of a split model: its name must end in -00001-of-00002.gguf so that the others can "
      "be found");
}

TEST_F(SplitFiles, ErrorsNameThePartThatIsWrong) {
  const auto first = put("m-00001-of-00002.gguf", part(0, 2, 2, "a"));
  put("m-00002-of-00002.gguf", Builder().text("GGU"));
  EXPECT_THAT(File::open(first).error().message, StartsWith("m-00002-of-00002.gguf: the file is cut off"));
}

TEST(SplitParts, MustBeAllThere) {
  EXPECT_EQ(refusal({part(0, 2, 2, "a")}), "part0: key 'split.count' says 2 parts, but 1 are there");
  EXPECT_EQ(refusal({part(0, 2, 2, "a"), part(1, 3, 2, "b")}),
            "part1: key 'split.count' says 3 parts, but 2 are there");
  EXPECT_EQ(refusal({}), "no file to open");
}

TEST(SplitParts, MustBeInOrder) {
  EXPECT_EQ(refusal({part(1, 2, 2, "b"), part(0, 2, 2, "a")}),
            "part0: key 'split.no' is 1, but this is part 0 (counted from 0)");
  EXPECT_EQ(refusal({part(2, 2, 2, "b"), part(0, 2, 2, "a")}),
            "part0: key 'split.no' is 2, but there are only 2 parts (counted from 0)");
}

TEST(SplitParts, MustHoldAsManyTensorsAsTheyClaim) {
  EXPECT_EQ(refusal({part(0, 2, 3, "a"), part(1, 2, 3, "b")}),
            "part0: key 'split.tensors.count' says 3 tensors, but the parts hold 2");
  EXPECT_EQ(refusal({part(0, 2, -1, "a"), part(1, 2, 2, "b")}),
            "part0: key 'split.tensors.count' at byte 71: no number that fits");
}

TEST(SplitParts, MayNotHoldATensorTwice) {
  EXPECT_EQ(refusal({part(0, 2, 2, "a"), part(1, 2, 2, "a")}), "part0: tensor 'a' stands in two parts");
}

TEST(SplitParts, AreLimited) {
  EXPECT_EQ(refusal({part(0, 5000, 2, "a")}), "part0: key 'split.count': 5000 parts, the limit is 1024");
}

TEST(SplitParts, ACountOfZeroOrOneIsNoSplit) {
  EXPECT_EQ(refusal({part(0, 0, 0, "a")}), "");
  EXPECT_EQ(refusal({part(0, 1, 1, "a")}), "");
}

}  // namespace
}  // namespace quipu::gguf
