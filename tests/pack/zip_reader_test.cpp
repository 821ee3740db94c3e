#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pack/zip.h"
#include "pack/zip_format.h"
#include "tests/pack/pack_test_files.h"

namespace quipu::pack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class ZipReaderTest : public testing::Test {
 protected:
  Result<std::optional<Zip>> open(const std::string& content) const {
    const auto file = platform::MappedFile::open(folder_.write("x.zip", content));
    if (!file.ok()) return file.error();
    return Zip::find(*file);
  }
  void expect_small_files(const std::string& name) const {
    const auto zip = open(slurp(reference(name)));
    ASSERT_TRUE(zip.ok()) << name << ": " << zip.error().message;
    ASSERT_TRUE(zip->has_value()) << name;
    std::vector<std::string> names;
    for (const Entry& entry : (*zip)->entries()) names.push_back(entry.name);
    EXPECT_THAT(names, ElementsAre("a.txt", "folder/b.txt", "empty", ".args")) << name;
    EXPECT_EQ(content(**zip, "a.txt"), "alpha\n") << name;
    EXPECT_EQ(content(**zip, "folder/b.txt").size(), 5000U) << name;
    EXPECT_EQ(content(**zip, "empty"), "") << name;
    EXPECT_EQ(content(**zip, ".args"), "-m\nx.gguf\n...\n") << name;
    EXPECT_EQ((*zip)->find("a.txt")->mode, 0755U) << name;
  }
  static std::string content(const Zip& zip, const std::string& name) {
    const Entry* entry = zip.find(name);
    if (entry == nullptr) return "(missing)";
    const auto result = zip.read_small(*entry, 1 << 20);
    return result.ok() ? *result : result.error().message;
  }
  TestFolder folder_;
};

TEST_F(ZipReaderTest, ReadsWhatPythonWrites) {
  for (const char* name : {"stored.zip", "deflated.zip", "descriptors.zip", "descriptors-stored.zip", "zip64.zip",
                           "comment.zip", "prefix-relative.zip", "prefix-absolute.zip"}) {
    expect_small_files(name);
  }
}

TEST_F(ZipReaderTest, WhatIsInFrontIsKnown) {
  const uint64_t program = std::string(
                               "\x7f"
                               "ELF program ")
                               .size() *
                           100;
  EXPECT_EQ((*open(slurp(reference("prefix-relative.zip"))))->begin(), program);
  EXPECT_EQ((*open(slurp(reference("prefix-absolute.zip"))))->begin(), program);
}

TEST_F(ZipReaderTest, FilesWithoutAZip) {
  for (const std::string& text : {std::string(), std::string("GGUF"), std::string(100'000, 'x')}) {
    const auto zip = open(text);
    ASSERT_TRUE(zip.ok());
    EXPECT_FALSE(zip->has_value());
  }
  const auto zip = open(slurp(reference("none.zip")));  // a directory of nothing
  ASSERT_TRUE(zip.ok());
  EXPECT_TRUE((*zip)->entries().empty());
}

TEST_F(ZipReaderTest, MoreThan65535Entries) {
  const auto zip = open(slurp(reference("many.zip")));
  ASSERT_TRUE(zip.ok()) << zip.error().message;
  EXPECT_EQ((*zip)->entries().size(), 70'000U);
  EXPECT_NE((*zip)->find("69999"), nullptr);
  EXPECT_EQ((*zip)->find("70000"), nullptr);
}

TEST_F(ZipReaderTest, ACompressedEntryCannotBeMapped) {
  const auto zip = open(slurp(reference("deflated.zip")));
  EXPECT_THAT((*zip)->stored_data(*(*zip)->find("a.txt")).error().message, HasSubstr("store it"));
  EXPECT_EQ((*zip)->read_small(*(*zip)->find("folder/b.txt"), 4999).error().kind, ErrorKind::limit_exceeded);
}

// ---- hostile files: stored.zip with some bytes changed ----------------------------------------------------------

class HostileZip : public testing::Test {
 protected:
  HostileZip() : zip_(slurp(reference("stored.zip"))) {
    end_ = zip_.rfind("PK\5\6");
    central_ = format::u32(bytes_of(zip_), end_ + 16);
  }
  // The n-th record of the directory.
  [[nodiscard]] size_t central(int n) const {
    size_t at = central_;
    for (; n > 0; --n) {
      at += 46U + format::u16(bytes_of(zip_), at + 28) + format::u16(bytes_of(zip_), at + 30) +
            format::u16(bytes_of(zip_), at + 32);
    }
    return at;
  }
  [[nodiscard]] size_t local(int n) const { return format::u32(bytes_of(zip_), central(n) + 42); }
  void put(size_t at, uint64_t value, int n) {
    for (int i = 0; i < n; ++i) zip_[at + static_cast<size_t>(i)] = static_cast<char>(value >> (8 * i));
  }
  void expect_error(const std::string& part) const {
    const auto directory = read_zip_directory(bytes_of(zip_));
    ASSERT_FALSE(directory.ok()) << part;
    EXPECT_THAT(directory.error().message, HasSubstr(part));
  }
  std::string zip_;
  size_t end_ = 0, central_ = 0;
};

TEST_F(HostileZip, UnchangedItIsFine) {
  EXPECT_TRUE(read_zip_directory(bytes_of(zip_)).ok());
}

TEST_F(HostileZip, EntryBeyondTheEnd) {
  put(central(1) + 42, central_ - 10, 4);
  expect_error("begins beyond");
}

TEST_F(HostileZip, DataBeyondTheEnd) {
  for (const size_t at : {central(3) + 20, central(3) + 24, local(3) + 18, local(3) + 22}) put(at, 0x7fffffff, 4);
  expect_error("reaches beyond");
}

TEST_F(HostileZip, OverlappingEntries) {
  // "a.txt" (6 bytes) is said to be so long that it holds the next entry.
  for (const size_t at : {central(0) + 20, central(0) + 24, local(0) + 18, local(0) + 22}) put(at, 60, 4);
  expect_error("overlap");
}

TEST_F(HostileZip, TwoEntriesOnTheSameData) {
  zip_.replace(central(1), central(2) - central(1), zip_.substr(central(0), central(1) - central(0)));
  const size_t size = zip_.rfind("PK\5\6") - central_;
  put(zip_.rfind("PK\5\6") + 12, size, 4);
  expect_error("is there twice");
}

TEST_F(HostileZip, DuplicateNames) {
  // ".args" and "empty" are of the same length.
  zip_.replace(central(3) + 46, 5, "empty");
  zip_.replace(local(3) + 30, 5, "empty");
  expect_error("'empty' is there twice");
}

TEST_F(HostileZip, BadNames) {
  for (const std::string& name : {std::string("../a0"), std::string("/etc0"), std::string("a\\..b"),
                                  std::string("a\0bcd", 5), std::string("C:/xy"), std::string("a//bc"),
                                  std::string("a/../"), std::string("\x1b[31m"), std::string("a/./b")}) {
    zip_.replace(central(0) + 46, 5, name);
    zip_.replace(local(0) + 30, 5, name);
    expect_error("the name of the zip entry");
  }
}

TEST_F(HostileZip, LocalHeaderDisagrees) {
  const std::string good = zip_;
  const struct {
    size_t offset;
    const char* message;
  } cases[] = {{0, "no signature"},  {6, "another encryption"}, {8, "another method"}, {14, "another CRC"},
               {18, "another size"}, {22, "another size"},      {30, "another name"}};
  for (const auto& [offset, message] : cases) {
    zip_ = good;
    zip_[local(1) + offset] ^= 1;
    expect_error(message);
  }
}

TEST_F(HostileZip, StoredWithTwoSizes) {
  put(central(0) + 24, 5, 4);
  put(local(0) + 22, 5, 4);
  expect_error("of two sizes");
}

TEST_F(HostileZip, TooManyEntriesForItsSize) {
  put(end_ + 8, 65000, 2);
  put(end_ + 10, 65000, 2);
  expect_error("65000 entries");
}

TEST_F(HostileZip, FewerOrMoreEntriesThanItSays) {
  put(end_ + 8, 3, 2);
  put(end_ + 10, 3, 2);
  expect_error("too many after its last entry");
  put(end_ + 8, 5, 2);
  put(end_ + 10, 5, 2);
  expect_error("5 entries in 211 bytes");
}

TEST_F(HostileZip, ADamagedRecord) {
  put(central(2), 0, 4);
  expect_error("damaged at byte offset");
}

TEST_F(HostileZip, SeveralDisks) {
  put(end_ + 4, 1, 2);
  expect_error("several disks");
}

TEST_F(HostileZip, ADirectoryHiddenInTheComment) {
  // The comment holds a whole end record of its own: readers that look from different sides see different files.
  put(end_ + 20, 22, 2);
  zip_ += std::string("PK\5\6") + std::string(18, '\0');
  expect_error("ambiguous");
}

TEST_F(HostileZip, ACommentLongerThanTheFileIsNoZip) {
  put(end_ + 20, 1, 2);
  const auto directory = read_zip_directory(bytes_of(zip_));
  ASSERT_TRUE(directory.ok());
  EXPECT_FALSE(directory->has_value());
}

TEST_F(HostileZip, DirectoryOffsetBehindItself) {
  put(end_ + 16, end_, 4);
  expect_error("beyond its end record");
}

TEST_F(HostileZip, SaturatedSizesWithoutZip64) {
  put(central(0) + 24, 0xffffffff, 4);
  expect_error("zip64 sizes");
}

TEST_F(HostileZip, ZipsCutShortAnywhere) {
  for (size_t keep = 0; keep < zip_.size(); ++keep) {
    const auto directory = read_zip_directory(bytes_of(zip_).first(keep));
    EXPECT_TRUE(!directory.ok() || !directory->has_value()) << keep;
  }
}

TEST_F(HostileZip, Zip64RecordsThatDisagree) {
  zip_ = slurp(reference("many.zip"));
  end_ = zip_.rfind("PK\5\6");
  put(end_ + 12, 5, 4);  // the size of the directory, which 32 bits can hold
  expect_error("disagree");
  zip_ = slurp(reference("many.zip"));
  put(end_ - 20 + 8, 3, 8);  // the locator points elsewhere: the record right before it still is found
  EXPECT_TRUE(read_zip_directory(bytes_of(zip_)).ok());
  put(end_ - 20 - 56 + 4, 1 << 20, 8);
  expect_error("zip64 end record is not where");
}

TEST_F(ZipReaderTest, DamagedDataIsFoundByItsCrc) {
  std::string bytes = slurp(reference("stored.zip"));
  bytes[bytes.find("alpha")] = 'A';
  const auto zip = open(bytes);
  ASSERT_TRUE(zip.ok());
  EXPECT_THAT(content(**zip, "a.txt"), HasSubstr("is damaged: its CRC is"));
}

TEST_F(ZipReaderTest, EncryptedEntriesAreNamed) {
  std::string bytes = slurp(reference("stored.zip"));
  bytes[6] |= 1;
  bytes[format::u32(bytes_of(bytes), bytes.rfind("PK\5\6") + 16) + 8] |= 1;
  const auto zip = open(bytes);
  ASSERT_TRUE(zip.ok()) << zip.error().message;
  EXPECT_THAT(content(**zip, "a.txt"), HasSubstr("'a.txt': is encrypted"));
  EXPECT_FALSE((*zip)->stored_data(*(*zip)->find("a.txt")).ok());
}

}  // namespace
}  // namespace quipu::pack
