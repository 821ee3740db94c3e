#include "backend/trace.h"

#include <gmock/gmock.h>

#include <filesystem>

namespace quipu::backend {
namespace {

using testing::HasSubstr;

// What does not fit is counted, and names with any bytes leave the file ASCII.
TEST(TraceFile, IsBounded) {
  const auto path = std::filesystem::temp_directory_path() / "quipu_trace_test.json";
  auto file = TraceFile::create(path, 3);
  ASSERT_TRUE(file.ok()) << file.error().message;
  TraceTrack track;
  track.process = (*file)->add_process("a \"model\"\n\xFF", 1);
  track.names = {"x\\y"};
  const auto now = std::chrono::steady_clock::now();
  const std::vector<TraceSlice> slices(2, TraceSlice{now, now, 0, 5, 6, false, 7});
  (*file)->add(track, 0, slices);
  (*file)->add(track, 0, slices);
  const auto n_left_out = (*file)->finish();
  ASSERT_TRUE(n_left_out.ok()) << n_left_out.error().message;
  EXPECT_EQ(*n_left_out, 1U);
  const auto text = platform::read_file(path, 1 << 20);
  std::filesystem::remove(path);
  ASSERT_TRUE(text.ok());
  EXPECT_THAT(*text, HasSubstr(R"({"name":"a \"model\"??"})"));
  EXPECT_THAT(*text, HasSubstr(R"({"name":"x\\y","cat":"whole","ph":"X","ts":)"));
  EXPECT_THAT(*text, HasSubstr(R"("pid":1,"tid":0,"args":{"layer":5,"rows":6,"bytes":7}})"));
  EXPECT_THAT(*text, HasSubstr(R"("otherData":{"slices_left_out":1}})"));
}

}  // namespace
}  // namespace quipu::backend
