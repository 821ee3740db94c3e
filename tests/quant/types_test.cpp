#include "quant/types.h"

#include <gtest/gtest.h>

#include <limits>
#include <set>

namespace quipu::quant {
namespace {

TEST(Types, AreFoundByNumberAndByNameInAnyCase) {
  EXPECT_EQ(find_type(12)->name, "Q4_K");
  EXPECT_EQ(find_type("q4_k")->type, TensorType::Q4_K);
  EXPECT_EQ(find_type("Q4_K")->type, TensorType::Q4_K);
  EXPECT_EQ(find_type("bf16")->type, TensorType::BF16);
  EXPECT_EQ(find_type(4), nullptr);  // Q4_2, withdrawn from the format
  EXPECT_EQ(find_type(std::numeric_limits<uint32_t>::max()), nullptr);
  EXPECT_EQ(find_type("Q4"), nullptr);
  EXPECT_EQ(find_type(""), nullptr);
}

TEST(Types, HaveDifferentNumbersAndNames) {
  std::set<TensorType> numbers;
  std::set<std::string_view> names;
  for (const auto& type : all_types()) {
    EXPECT_TRUE(numbers.insert(type.type).second) << type.name;
    EXPECT_TRUE(names.insert(type.name).second) << type.name;
    EXPECT_EQ(&traits(type.type), &type);
    EXPECT_EQ(type.decode == nullptr, type.encode == nullptr) << type.name;
  }
}

TEST(Types, RowBytesCountsWholeBlocks) {
  EXPECT_EQ(row_bytes(TensorType::F32, 3), 12u);
  EXPECT_EQ(row_bytes(TensorType::Q4_1, 64), 40u);
  EXPECT_EQ(row_bytes(TensorType::Q6_K, 4096), 16u * 210);
  EXPECT_EQ(row_bytes(TensorType::Q6_K, 0), 0u);
  EXPECT_FALSE(row_bytes(TensorType::Q4_1, 33));
  EXPECT_FALSE(row_bytes(TensorType::Q4_K, 576));
}

TEST(Types, RowBytesDoesNotOverflow) {
  EXPECT_FALSE(row_bytes(TensorType::F32, uint64_t{1} << 62));
  EXPECT_FALSE(row_bytes(TensorType::F64, std::numeric_limits<uint64_t>::max()));
  EXPECT_EQ(row_bytes(TensorType::Q4_0, uint64_t{1} << 62), (uint64_t{1} << 57) * 18);
}

}  // namespace
}  // namespace quipu::quant
