// The values that scripts/references/text_unicode.py made.
#pragma once

#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

namespace quipu::text {

inline std::string reference_bytes(const char* name) {
  std::ifstream in(std::filesystem::path(QUIPU_REFERENCES_DIR) / "text" / name, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

inline nlohmann::json reference_texts(const char* key) {
  return nlohmann::json::parse(reference_bytes("text.json")).at(key);
}

}  // namespace quipu::text

#define QUIPU_NEEDS_TEXT_REFERENCES()                                              \
  if (!std::filesystem::exists(QUIPU_REFERENCES_DIR "/text/text.json")) {          \
    GTEST_SKIP() << "no reference values: run scripts/references.sh text_unicode"; \
  }
