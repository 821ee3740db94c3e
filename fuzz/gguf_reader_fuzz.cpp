// Opens any bytes as a GGUF and uses everything that it then offers. Beyond crashes it checks that tensors lie within
// the bytes and that what was read can be written and read again.
#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>
#include <vector>

#include "base/check.h"
#include "gguf/gguf.h"
#include "gguf/writer.h"

namespace quipu::gguf {
namespace {

template <typename T>
void use_as(const File& file, std::string_view key) {
  (void)file.get<T>(key);
  (void)file.require<T>(key);
  (void)file.get_array<T>(key);
}

void use(const File& file, std::span<const std::byte> bytes) {
  for (const auto key : file.keys()) {
    QUIPU_CHECK(file.find_value(key) != nullptr);
    use_as<uint32_t>(file, key);
    use_as<int32_t>(file, key);
    use_as<uint64_t>(file, key);
    use_as<int64_t>(file, key);
    use_as<float>(file, key);
    use_as<double>(file, key);
    use_as<bool>(file, key);
    use_as<std::string_view>(file, key);
    // A character is shown by at most four bytes; brackets, types and counts of nested arrays come on top.
    QUIPU_CHECK(file.describe(key, 100).size() < 1000);
  }
  for (const Tensor& tensor : file.tensors()) {
    QUIPU_CHECK(file.find_tensor(tensor.name) == &tensor);
    QUIPU_CHECK(tensor.data.data() >= bytes.data());
    QUIPU_CHECK(tensor.data.data() + tensor.data.size() <= bytes.data() + bytes.size());
    QUIPU_CHECK(tensor.data.size() == *quant::row_bytes(tensor.type, tensor.n_elements()));
  }
}

void write_and_reopen(const File& file) {
  std::vector<std::byte> written;
  Writer writer;
  for (const auto key : file.keys()) writer.copy(key, *file.find_value(key));
  // What a foreign key of that name says must fit the file.
  writer.set<uint32_t>("general.alignment", 32);
  for (const Tensor& t : file.tensors()) {
    QUIPU_CHECK(writer.add_tensor(t.name, t.type, std::span(t.dims).first(t.n_dims)).ok());
  }
  const auto append = [&](std::span<const std::byte> bytes) {
    written.insert(written.end(), bytes.begin(), bytes.end());
    return Status();
  };
  QUIPU_CHECK(writer.begin(append).ok());
  for (const Tensor& t : file.tensors()) QUIPU_CHECK(writer.append(t.data).ok());
  QUIPU_CHECK(writer.finish().ok());
  const auto again = File::open({Source{nullptr, written, "again"}});
  if (!again) {
    // Only a key that the copy adds can be one too many.
    QUIPU_CHECK(file.keys().size() == 65536);
    return;
  }
  QUIPU_CHECK(again->tensors().size() == file.tensors().size());
  for (const auto key : file.keys()) {
    if (key != "general.alignment") QUIPU_CHECK(again->describe(key, 1000) == file.describe(key, 1000));
  }
}

}  // namespace
}  // namespace quipu::gguf

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  const auto bytes = std::as_bytes(std::span(data, size));
  const auto file = quipu::gguf::File::open({{nullptr, bytes, "fuzz"}});
  if (!file) return 0;
  quipu::gguf::use(*file, bytes);
  quipu::gguf::write_and_reopen(*file);
  return 0;
}
