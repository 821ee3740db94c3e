#include "gguf/writer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <limits>

#include "gguf/gguf.h"

namespace quipu::gguf {
namespace {

using quant::TensorType;
using ::testing::ElementsAre;

class Written : public ::testing::Test {
 protected:
  Sink sink() {
    return [this](std::span<const std::byte> bytes) {
      bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
      return Status();
    };
  }
  Result<File> reopened() { return File::open({Source{nullptr, bytes_, "written"}}); }

  std::vector<std::byte> bytes_;
};

using Dims = std::vector<uint64_t>;

TEST_F(Written, KeysAndTensorsAreReadBack) {
  Writer writer;
  writer.set<std::string_view>("general.architecture", "llama");
  writer.set<uint32_t>("number", 1);
  const std::vector<std::string_view> tokens{"a", "", "\xff"};
  writer.set_array<std::string_view>("tokens", tokens);
  writer.set<bool>("truth", true);
  writer.set<float>("number", 2.5f);
  ASSERT_TRUE(writer.add_tensor("odd", TensorType::I8, Dims{5}).ok());
  ASSERT_TRUE(writer.add_tensor("matrix", TensorType::F32, Dims{2, 3}).ok());
  ASSERT_TRUE(writer.begin(sink()).ok());
  std::vector<std::byte> data(5 + 24);
  for (size_t i = 0; i < data.size(); ++i) data[i] = static_cast<std::byte>(i + 1);
  // In pieces that fall across the tensors' border.
  ASSERT_TRUE(writer.append(std::span(data).first(3)).ok());
  ASSERT_TRUE(writer.append({}).ok());
  ASSERT_TRUE(writer.append(std::span(data).subspan(3, 10)).ok());
  ASSERT_TRUE(writer.append(std::span(data).subspan(13)).ok());
  ASSERT_TRUE(writer.finish().ok());

  const auto file = reopened();
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_THAT(file->keys(), ElementsAre("general.architecture", "number", "tokens", "truth"));
  EXPECT_EQ(*file->get<float>("number"), 2.5f);
  EXPECT_THAT(**file->get_array<std::string_view>("tokens"), ElementsAre("a", "", "\xff"));
  EXPECT_EQ(*file->get<bool>("truth"), true);
  EXPECT_EQ(file->find_tensor("odd")->data[4], std::byte{5});
  EXPECT_EQ(file->find_tensor("matrix")->data[0], std::byte{6});
  EXPECT_EQ(file->find_tensor("matrix")->data[23], std::byte{29});
  EXPECT_EQ(bytes_.size() % 32, 0u);
}

TEST_F(Written, AnErrorOfTheSinkIsHandedOn) {
  Writer writer;
  ASSERT_TRUE(writer.add_tensor("t", TensorType::F32, Dims{1}).ok());
  int n_calls = 0;
  ASSERT_TRUE(writer
                  .begin([&](std::span<const std::byte>) -> Status {
                    return ++n_calls > 2 ? Status(error_of(ErrorKind::io, "disk full")) : Status();
                  })
                  .ok());
  EXPECT_EQ(writer.append(std::vector<std::byte>(4)).error().message, "disk full");
}

TEST(WriterTensors, ThatAreWrongAreRefused) {
  Writer writer;
  const auto refusal = [&](std::string_view name, TensorType type, const Dims& dims) {
    const Status status = writer.add_tensor(name, type, dims);
    return status.ok() ? "" : status.error().message;
  };
  EXPECT_EQ(refusal("t", TensorType::Q8_0, {32, 2}), "");
  EXPECT_EQ(refusal("t", TensorType::Q8_0, {32}), "tensor 't': declared twice");
  EXPECT_EQ(refusal("", TensorType::F32, {1}), "tensor '': a name must have 1 to 1024 bytes");
  EXPECT_EQ(refusal("a", TensorType::F32, {}), "tensor 'a': 1 to 4 dimensions are allowed");
  EXPECT_EQ(refusal("a", TensorType::F32, {1, 1, 1, 1, 1}), "tensor 'a': 1 to 4 dimensions are allowed");
  EXPECT_EQ(refusal("a", TensorType::F32, {3, 0}), "tensor 'a': a dimension is 0");
  EXPECT_EQ(refusal("a", TensorType::Q4_K, {128}),
            "tensor 'a': rows of 128 elements do not divide into blocks of Q4_K");
  EXPECT_EQ(refusal("a", TensorType::F32, {uint64_t{1} << 62}), "tensor 'a': too large");
  EXPECT_EQ(refusal("a", TensorType::I8, {uint64_t{1} << 32, uint64_t{1} << 32}), "tensor 'a': too large");
  EXPECT_EQ(refusal("a", TensorType::I8, {uint64_t{1} << 62}), "");
  EXPECT_EQ(refusal("b", TensorType::I8, {uint64_t{1} << 62}), "");
  EXPECT_EQ(refusal("c", TensorType::I64, {uint64_t{1} << 60}), "tensor 'c': too large");
}

}  // namespace
}  // namespace quipu::gguf
