// The records that scripts/references/tokenizer_*.py write, and the vocabularies that they are about.
#pragma once

#include <cstdint>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "tokenizer/tokenizer.h"

namespace quipu::tokenizer {

inline std::filesystem::path reference_path(const std::string& name) {
  return std::filesystem::path(QUIPU_REFERENCES_DIR) / "tokenizer" / name;
}

inline std::string file_bytes(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

struct Record {
  EncodeOptions options;
  std::string text;
  std::vector<Token> tokens;
};

inline std::vector<Record> read_records(const std::filesystem::path& path) {
  const std::string bytes = file_bytes(path);
  const char* p = bytes.data();
  const auto number = [&p] {
    uint32_t value = 0;
    std::memcpy(&value, p, sizeof value);
    p += sizeof value;
    return value;
  };
  std::vector<Record> records;
  while (p < bytes.data() + bytes.size()) {
    Record& record = records.emplace_back();
    const uint32_t flags = number();
    record.options = {.parse_special = (flags & 1) != 0, .add_special = (flags & 2) != 0};
    const uint32_t size = number();
    record.text.assign(p, size);
    p += size;
    record.tokens.resize(number());
    for (Token& token : record.tokens) token = static_cast<Token>(number());
  }
  return records;
}

// The folder of vocabularies that llama.cpp comes with; empty if it was not fetched.
inline std::filesystem::path llama_cpp_models() {
  const auto root = std::filesystem::path(QUIPU_DEPS_DIR) / "llama-cpp-python";
  if (!std::filesystem::exists(root)) return {};
  for (const auto& entry : std::filesystem::directory_iterator(root)) {
    const auto models = entry.path() / "vendor/llama.cpp/models";
    if (std::filesystem::exists(models)) return models;
  }
  return {};
}

}  // namespace quipu::tokenizer
