// Our reader and writer against the PyPI package `gguf` (scripts/references/gguf_files.py).
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstdlib>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>

#include "gguf/gguf.h"
#include "gguf/writer.h"

namespace quipu::gguf {
namespace {

using Json = nlohmann::json;

const std::string kReferences = std::string(QUIPU_REFERENCES_DIR) + "/gguf/";

Json read_json(const std::string& path) {
  std::ifstream file(path);
  EXPECT_TRUE(file.good()) << path << " is missing: run scripts/references.sh";
  return Json::parse(file, nullptr, false);
}

// CRC-32 as in zlib (IEEE 802.3, reflected).
uint32_t crc32(std::span<const std::byte> bytes) {
  static const auto table = [] {
    std::array<uint32_t, 256> entries{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = (value >> 1) ^ ((value & 1) != 0 ? 0xedb88320u : 0);
      entries[i] = value;
    }
    return entries;
  }();
  uint32_t crc = ~0u;
  for (const std::byte byte : bytes) crc = (crc >> 8) ^ table[(crc ^ std::to_integer<uint32_t>(byte)) & 255];
  return ~crc;
}

template <typename T>
void expect_scalar(const File& file, const std::string& key, T expected) {
  const auto found = file.get<T>(key);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_TRUE(found->has_value()) << key;
  EXPECT_EQ(**found, expected) << key;
}

template <typename T>
void expect_array(const File& file, const std::string& key, const Json& expected) {
  const auto found = file.get_array<T>(key);
  ASSERT_TRUE(found.ok()) << found.error().message;
  ASSERT_TRUE(found->has_value()) << key;
  ASSERT_EQ((*found)->size(), expected.size()) << key;
  for (size_t i = 0; i < expected.size(); ++i) {
    if constexpr (std::same_as<T, std::string_view>) {
      ASSERT_EQ((**found)[i], expected[i].get_ref<const std::string&>()) << key << " " << i;
    } else {
      ASSERT_EQ((**found)[i], expected[i].get<T>()) << key << " " << i;
    }
  }
}

void expect_value(const File& file, const std::string& key, const Json& expected) {
  const Json& one = expected.is_array() ? expected.at(0) : expected;
  if (expected.is_array()) {
    const auto has = [&](auto predicate) { return std::any_of(expected.begin(), expected.end(), predicate); };
    if (one.is_string()) return expect_array<std::string_view>(file, key, expected);
    if (one.is_boolean()) return expect_array<bool>(file, key, expected);
    if (has([](const Json& v) { return v.is_number_float(); })) return expect_array<double>(file, key, expected);
    if (has([](const Json& v) { return v.is_number_integer() && !v.is_number_unsigned(); }))
      return expect_array<int64_t>(file, key, expected);
    return expect_array<uint64_t>(file, key, expected);
  }
  if (one.is_string()) return expect_scalar<std::string_view>(file, key, one.get_ref<const std::string&>());
  if (one.is_boolean()) return expect_scalar(file, key, one.get<bool>());
  if (one.is_null()) return expect_scalar(file, key, double{INFINITY});
  if (one.is_number_float()) return expect_scalar(file, key, one.get<double>());
  if (one.is_number_unsigned()) return expect_scalar(file, key, one.get<uint64_t>());
  expect_scalar(file, key, one.get<int64_t>());
}

void expect_file(const File& file, const Json& expected) {
  ASSERT_TRUE(expected.is_object());
  EXPECT_EQ(file.version(), expected["version"]);
  EXPECT_EQ(file.keys().size(), expected["keys"].size());
  for (const auto& [key, value] : expected["keys"].items()) expect_value(file, key, value);
  ASSERT_EQ(file.tensors().size(), expected["tensors"].size());
  for (const Json& wanted : expected["tensors"]) {
    const Tensor* tensor = file.find_tensor(wanted["name"].get<std::string>());
    ASSERT_NE(tensor, nullptr) << wanted["name"];
    ASSERT_EQ(tensor->n_dims, wanted["dims"].size());
    for (size_t i = 0; i < tensor->n_dims; ++i) EXPECT_EQ(tensor->dims[i], wanted["dims"][i]) << tensor->name;
    EXPECT_EQ(quant::traits(tensor->type).name, wanted["type"].get<std::string>()) << tensor->name;
    EXPECT_EQ(crc32(tensor->data), wanted["crc32"]) << tensor->name;
  }
}

class Reference : public ::testing::TestWithParam<const char*> {};

TEST_P(Reference, IsReadAsTheGgufPackageReadsIt) {
  const auto file = File::open(kReferences + GetParam() + ".gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  expect_file(*file, read_json(kReferences + GetParam() + ".json"));
}
INSTANTIATE_TEST_SUITE_P(Files, Reference,
                         ::testing::Values("every_type", "version_2", "align_8", "align_64", "align_4096",
                                           "align_65536"),
                         [](const auto& tested) { return std::string(tested.param); });

TEST(ReferenceFile, SplitModelIsReadAsAWhole) {
  const auto file = File::open(kReferences + "split-00001-of-00003.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  EXPECT_EQ(file->parts().size(), 3u);
  expect_file(*file, read_json(kReferences + "split.json"));
}

TEST(ReferenceFile, BigEndianIsRefused) {
  const auto file = File::open(kReferences + "big_endian.gguf");
  ASSERT_FALSE(file.ok());
  EXPECT_NE(file.error().message.find("a big-endian GGUF file"), std::string::npos) << file.error().message;
}

TEST(ReferenceFile, SmolLm2HasWhatTheGgufPackageFinds) {
  const auto file = File::open(std::string(QUIPU_MODELS_DIR) + "/SmolLM2-135M-Instruct.Q4_1.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  expect_file(*file, read_json(kReferences + "smollm2.json"));
}

// Writes what `original` holds by our writer and lets the package read it back: scripts of tests/gguf say how.
void expect_copy_is_readable(const File& original, uint32_t alignment, const std::string& name) {
  const std::string path = ::testing::TempDir() + "quipu_" + name + ".gguf";
  Writer writer(alignment);
  for (const auto key : original.keys()) {
    if (key != "general.alignment") writer.copy(key, *original.find_value(key));
  }
  for (const Tensor& t : original.tensors()) {
    ASSERT_TRUE(writer.add_tensor(t.name, t.type, std::span(t.dims).first(t.n_dims)).ok());
  }
  {
    std::ofstream out(path, std::ios::binary);
    const auto write = [&](std::span<const std::byte> bytes) {
      out.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
      return Status();
    };
    ASSERT_TRUE(writer.begin(write).ok());
    for (const Tensor& t : original.tensors()) ASSERT_TRUE(writer.append(t.data).ok());
    ASSERT_TRUE(writer.finish().ok());
  }
  const std::string python = std::string(QUIPU_REFERENCES_DIR) + "/venv/bin/python";
  const std::string script = std::string(QUIPU_SOURCE_DIR) + "/scripts/references/gguf_files.py";
  const std::string json = path + ".json";
  ASSERT_EQ(std::system((python + " " + script + " --describe " + path + " " + json).c_str()), 0);  // NOLINT
  expect_file(original, [&] {
    Json described = read_json(json);
    described["version"] = original.version();
    if (alignment != 32) described["keys"].erase("general.alignment");
    return described;
  }());
  std::remove(path.c_str());
  std::remove(json.c_str());
}

TEST(ReferenceWriter, CopyOfEveryTypeIsReadByTheGgufPackage) {
  const auto file = File::open(kReferences + "every_type.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  for (const uint32_t alignment : {8u, 32u, 128u}) {
    expect_copy_is_readable(*file, alignment, "every_type_" + std::to_string(alignment));
  }
}

TEST(ReferenceWriter, CopyOfSmolLm2IsReadByTheGgufPackage) {
  const auto file = File::open(std::string(QUIPU_MODELS_DIR) + "/SmolLM2-135M-Instruct.Q4_1.gguf");
  ASSERT_TRUE(file.ok()) << file.error().message;
  expect_copy_is_readable(*file, 32, "smollm2");
}

}  // namespace
}  // namespace quipu::gguf
