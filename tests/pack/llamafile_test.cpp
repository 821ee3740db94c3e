#include "pack/llamafile.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pack/crc32.h"
#include "tests/pack/pack_test_files.h"

namespace quipu::pack {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

class LlamafileTest : public testing::Test {
 protected:
  static std::shared_ptr<const platform::MappedFile> map(const std::filesystem::path& path) {
    return *platform::MappedFile::open(path);
  }
  Zip pack_files(PackRequest request) const {
    request.program = map(folder_.write("program", std::string(100'001, 'p')));
    request.out = folder_ / "out.llamafile";
    const auto status = pack(request, {});
    EXPECT_TRUE(status.ok()) << status.error().message;
    return std::move(**Zip::find(map(request.out)));
  }
  TestFolder folder_;
};

TEST_F(LlamafileTest, EveryEntryLiesAtAMultipleOf64KiB) {
  PackRequest request;
  request.models = {folder_.write("m.gguf", "GGUF" + std::string(200'000, 'm'))};
  request.args = folder_.write("my-args", "-n 5");
  request.with = {folder_.write("LICENSE", "free"), folder_.write("empty", "")};
  const Zip zip = pack_files(request);
  std::vector<std::string> names;
  for (const Entry& entry : zip.entries()) {
    names.push_back(entry.name);
    EXPECT_EQ(entry.data_offset % 65536, 0U) << entry.name;
    EXPECT_TRUE(zip.read(entry, [](auto) { return Status(); }).ok()) << entry.name;
  }
  EXPECT_THAT(names, ElementsAre("m.gguf", ".args", "LICENSE", "empty"));
  EXPECT_EQ(zip.begin(), 100'001U);
  const auto mode = std::filesystem::status(folder_ / "out.llamafile").permissions();
  EXPECT_NE(mode & std::filesystem::perms::owner_exec, std::filesystem::perms::none);
  EXPECT_THAT(default_args(zip, [](auto&) { return std::nullopt; })->words, ElementsAre("-n", "5"));
}

TEST_F(LlamafileTest, EveryProgramSizeCanBeAligned) {
  // Around the sizes where the padding field would be too small or too large, the header moves a little instead.
  const std::string name = "m.gguf";
  for (uint64_t rest = 65536 - 30 - name.size() - 12; rest < 65536 + 40; ++rest) {
    auto out = *platform::OutputFile::create(folder_ / "x.zip", false);
    ASSERT_TRUE(out.skip_to(rest % 65536).ok());
    ZipWriter writer(out);
    ASSERT_TRUE(writer.add(name, bytes_of("GGUF")).ok());
    ASSERT_TRUE(writer.finish().ok());
    ASSERT_TRUE(out.commit().ok());
    const auto zip = Zip::find(map(folder_ / "x.zip"));
    ASSERT_TRUE(zip.ok()) << zip.error().message;
    EXPECT_EQ((*zip)->entries()[0].data_offset % 65536, 0U) << rest;
  }
}

TEST_F(LlamafileTest, APackedFileCanPackAgain) {
  PackRequest request;
  request.models = {folder_.write("m.gguf", "GGUF one")};
  pack_files(request);
  PackRequest again;
  again.program = map(folder_ / "out.llamafile");
  again.out = folder_ / "again.llamafile";
  again.models = {folder_.write("m.gguf", "GGUF two")};
  ASSERT_TRUE(pack(again, {}).ok());
  const Zip zip = std::move(**Zip::find(map(again.out)));
  EXPECT_EQ(zip.begin(), 100'001U);
  EXPECT_EQ(*zip.read_small(zip.entries()[0], 100), "GGUF two");
}

TEST_F(LlamafileTest, TheSameInputGivesTheSameBytes) {
  PackRequest request;
  request.models = {folder_.write("m.gguf", "GGUF one")};
  pack_files(request);
  const std::string first = slurp(folder_ / "out.llamafile");
  pack_files(request);
  EXPECT_TRUE(first == slurp(folder_ / "out.llamafile"));
}

TEST_F(LlamafileTest, FiveGibibytesOfZeros) {
  const auto big = folder_.write("big.gguf", "GGUF");
  constexpr uint64_t kSize = (uint64_t{5} << 30) + 3;
  std::filesystem::resize_file(big, kSize);
  PackRequest request;
  request.models = {big};
  request.args = folder_.write("a", "-n 1");
  const Zip zip = pack_files(request);
  const Entry* model = zip.find("big.gguf");
  EXPECT_EQ(model->size, kSize);
  EXPECT_EQ(model->crc, crc32_zeros(crc32(0, bytes_of("GGUF")), kSize - 4));
  EXPECT_EQ(*zip.read_small(*zip.find(".args"), 10), "-n 1");  // its header lies beyond 4 GiB
  EXPECT_EQ(locate_model((folder_ / "out.llamafile").string(), nullptr)->parts[0].size, kSize);
}

TEST_F(LlamafileTest, AnErrorLeavesNothingBehind) {
  PackRequest request;
  request.program = map(folder_.write("program", "p"));
  request.out = folder_ / "out.llamafile";
  request.models = {folder_.write("m.gguf", "GGUF")};
  const auto expect_error = [&](const std::string& part, const Progress& progress = {}) {
    const auto status = pack(request, progress);
    ASSERT_FALSE(status.ok()) << part;
    EXPECT_THAT(status.error().message, HasSubstr(part));
    for (const auto& item : std::filesystem::directory_iterator(folder_.path())) {
      EXPECT_EQ(item.path().filename().string().find("out"), std::string::npos) << item.path();
    }
  };
  expect_error("interrupted", [](uint64_t, uint64_t) { return false; });
  request.with = {folder_ / "missing"};
  expect_error("missing");
  request.with = {folder_ / "m.gguf"};
  expect_error("two files would have the name 'm.gguf'");
  request.with = {};
  request.args = folder_.write("bad-args", "-p 'x");
  expect_error("bad-args: .args, line 1");
  request.args.clear();
  request.out = folder_ / "m.gguf";
  EXPECT_THAT(pack(request, {}).error().message, HasSubstr("can't be the output too"));
  EXPECT_EQ(slurp(folder_ / "m.gguf"), "GGUF");
}

TEST_F(LlamafileTest, WhatIsNotCommittedLeavesTheOldFile) {
  folder_.write("out.llamafile", "old");
  auto out = *platform::OutputFile::create(folder_ / "out.llamafile", true);
  ASSERT_TRUE(out.write(bytes_of("new")).ok());
  { const auto dropped = std::move(out); }  // what every error on the way leads to
  EXPECT_EQ(slurp(folder_ / "out.llamafile"), "old");
}

// ---- finding models ---------------------------------------------------------------------------------------------

class LocateTest : public LlamafileTest {
 protected:
  std::string write_zip(const std::string& name, const std::vector<std::string>& entries) const {
    auto out = *platform::OutputFile::create(folder_ / name, true);
    ZipWriter writer(out);
    for (const auto& entry : entries) EXPECT_TRUE(writer.add(entry, bytes_of("GGUF" + entry)).ok());
    EXPECT_TRUE(writer.finish().ok());
    EXPECT_TRUE(out.commit().ok());
    return (folder_ / name).string();
  }
  static std::vector<std::string> contents(const Result<ModelPlace>& place) {
    if (!place.ok()) return {place.error().message};
    std::vector<std::string> result;
    for (const Extent& part : place->parts) {
      result.emplace_back(reinterpret_cast<const char*>(part.file->bytes().data()) + part.offset, part.size);
    }
    return result;
  }
  static Zip open(const std::string& path) { return std::move(**Zip::find(map(path))); }
};

TEST_F(LocateTest, AFileOnDiskComesFirst) {
  const Zip self = open(write_zip("self.llamafile", {"w.gguf"}));
  const auto path = folder_.write("w.gguf", "GGUF disk").string();
  EXPECT_EQ(locate_model(path, &self)->path, path);
  EXPECT_EQ(locate_model(folder_.write("none", "text").string(), &self)->path, folder_ / "none");
}

TEST_F(LocateTest, InsideTheRunningFile) {
  const Zip self = open(write_zip("self.llamafile", {"w.gguf", "v.gguf"}));
  EXPECT_THAT(contents(locate_model("v.gguf", &self)), ElementsAre("GGUFv.gguf"));
  EXPECT_THAT(contents(locate_model("/zip/v.gguf", &self)), ElementsAre("GGUFv.gguf"));
  EXPECT_THAT(locate_model("u.gguf", &self).error().message, HasSubstr("models inside: w.gguf, v.gguf"));
  EXPECT_THAT(locate_model("u.gguf", nullptr).error().message, HasSubstr("u.gguf: no such file"));
}

TEST_F(LocateTest, InsideAnotherZip) {
  const std::string zip = write_zip("a@b.zip", {"w.gguf", "v.gguf", "LICENSE"});
  EXPECT_THAT(contents(locate_model(zip + "@v.gguf", nullptr)), ElementsAre("GGUFv.gguf"));
  EXPECT_THAT(locate_model(zip + "@u.gguf", nullptr).error().message, HasSubstr("no 'u.gguf' inside"));
  EXPECT_THAT(locate_model(zip, nullptr).error().message,
              HasSubstr("2 models inside: choose one with -m: w.gguf, v.gguf"));
  EXPECT_THAT(locate_model(folder_.write("text", "text").string() + "@x", nullptr).error().message,
              HasSubstr("neither a GGUF model nor"));
  EXPECT_THAT(only_model(open(write_zip("none.zip", {"LICENSE"}))).error().message, HasSubstr("no model inside"));
}

TEST_F(LocateTest, SplitModels) {
  const std::string zip =
      write_zip("s.zip", {"w-00002-of-00003.gguf", "w-00001-of-00003.gguf", "w-00003-of-00003.gguf"});
  EXPECT_THAT(contents(locate_model(zip, nullptr)),
              ElementsAre("GGUFw-00001-of-00003.gguf", "GGUFw-00002-of-00003.gguf", "GGUFw-00003-of-00003.gguf"));
  const std::string gap = write_zip("g.zip", {"w-00001-of-00003.gguf", "w-00003-of-00003.gguf"});
  EXPECT_THAT(locate_model(gap, nullptr).error().message,
              HasSubstr("'w-00002-of-00003.gguf' of the split model is missing"));
}

TEST_F(LocateTest, Unpack) {
  const std::string path = write_zip("u.zip", {"w.gguf", "folder/LICENSE"});
  const Zip zip = open(path);
  const auto into = folder_ / "into";
  const auto paths = unpack(zip, {.folder = into, .names = {}, .overwrite = false}, {});
  ASSERT_TRUE(paths.ok()) << paths.error().message;
  EXPECT_THAT(*paths, ElementsAre(into / "w.gguf", into / "folder/LICENSE"));
  EXPECT_EQ(slurp(into / "folder/LICENSE"), "GGUFfolder/LICENSE");
  EXPECT_THAT(unpack(zip, {.folder = into, .names = {}, .overwrite = false}, {}).error().message,
              HasSubstr("exists already"));
  EXPECT_TRUE(unpack(zip, {.folder = into, .names = {"w.gguf"}, .overwrite = true}, {}).ok());
  EXPECT_THAT(unpack(zip, {.folder = into, .names = {"x"}, .overwrite = true}, {}).error().message,
              HasSubstr("no 'x' inside"));

  std::string damaged = slurp(path);
  damaged[damaged.find("GGUFw")] = 'g';
  const Zip bad = open(folder_.write("bad.zip", damaged).string());
  EXPECT_THAT(unpack(bad, {.folder = folder_ / "bad", .names = {}, .overwrite = false}, {}).error().message,
              HasSubstr("is damaged"));
  EXPECT_FALSE(std::filesystem::exists(folder_ / "bad" / "w.gguf"));
}

}  // namespace
}  // namespace quipu::pack
