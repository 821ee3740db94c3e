#include "engine/kv_file.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/checked.h"

namespace quipu::engine {
namespace {

using backend::cpu::KvShape;

constexpr char kMagic[8] = {'Q', 'U', 'I', 'P', 'U', 'K', 'V', '\n'};
constexpr uint32_t kVersion = 1;
constexpr size_t kAlignment = 64;  // of the pages, as in memory

// Numbers are little-endian, as on every machine that this program runs on.
struct Header {
  char magic[8];
  uint32_t version, n_tokens;
  uint64_t fingerprint;
  uint32_t k_type, v_type, head_dim_k, head_dim_v;
  uint32_t n_layer, n_head_kv, page_tokens, reserved;
  uint64_t page_bytes;
  uint64_t checksum;  // of the header with this as 0, and of all that follows
};
static_assert(sizeof(Header) == 72);

// FNV-1a over 64-bit words, with the high bits folded back in, since a multiplication moves bits only upwards. Finds
// damage, not forgery.
class Checksum {
 public:
  // Pieces that are multiples of 8 bytes give the same as all of them in one; others are filled up with zeros.
  void add(std::span<const std::byte> bytes) {
    for (; bytes.size() >= sizeof(uint64_t); bytes = bytes.subspan(sizeof(uint64_t))) {
      uint64_t word = 0;
      std::memcpy(&word, bytes.data(), sizeof word);
      add_word(word);
    }
    if (bytes.empty()) return;
    uint64_t last = 0;
    std::memcpy(&last, bytes.data(), bytes.size());
    add_word(last);
  }
  template <typename T>
  void add_value(const T& value) {
    add(std::as_bytes(std::span(&value, 1)));
  }
  [[nodiscard]] uint64_t value() const { return value_; }

 private:
  void add_word(uint64_t word) {
    value_ = (value_ ^ word) * 0x100000001b3u;
    value_ ^= value_ >> 29;
  }
  uint64_t value_ = 0xcbf29ce484222325u;
};

Header header_of(const Sequence::State& sequence) {
  const KvShape& shape = sequence.kv->shape();
  const kernels::KvLayout& layout = sequence.origin->layout;
  Header header{};
  std::memcpy(header.magic, kMagic, sizeof kMagic);
  header.version = kVersion;
  header.n_tokens = static_cast<uint32_t>(sequence.tokens.size());
  header.fingerprint = model_fingerprint(*sequence.origin->model);
  header.k_type = static_cast<uint32_t>(layout.k_type);
  header.v_type = static_cast<uint32_t>(layout.v_type);
  header.head_dim_k = layout.head_dim_k;
  header.head_dim_v = layout.head_dim_v;
  header.n_layer = shape.n_layer;
  header.n_head_kv = shape.n_head_kv;
  header.page_tokens = shape.page_tokens;
  header.page_bytes = shape.page_bytes();
  return header;
}

size_t pages_begin(size_t n_tokens) {
  return (sizeof(Header) + n_tokens * sizeof(Token) + kAlignment - 1) / kAlignment * kAlignment;
}

// A copy of the last page in which the positions that are not filled are zero: they may hold what is left of others.
std::vector<std::byte> clean_page(const Sequence::State& sequence, const std::byte* page, size_t n_filled) {
  const KvShape& shape = sequence.kv->shape();
  const kernels::KvLayout& layout = sequence.origin->layout;
  const size_t n_empty = shape.page_tokens - n_filled;
  std::vector<std::byte> copy(page, page + shape.page_bytes());
  const std::vector<float> zeros(n_empty * std::max(layout.head_dim_k, layout.head_dim_v), 0.0f);
  for (uint32_t layer = 0; layer < shape.n_layer; layer++) {
    for (uint32_t head = 0; head < shape.n_head_kv; head++) {
      const auto& store = kernels::generic::kAttention;
      store.store_k(layout, {zeros.data(), layout.head_dim_k, n_empty}, n_filled,
                    copy.data() + shape.k_offset(layer, head));
      store.store_v(layout, {zeros.data(), layout.head_dim_v, n_empty}, n_filled,
                    copy.data() + shape.v_offset(layer, head));
    }
  }
  return copy;
}

Status check_header(const Header& header, const Header& expected) {
  const auto other = [](const char* what) {
    return invalid_input("was written for another {}, and is of no use here", what);
  };
  if (std::memcmp(header.magic, kMagic, sizeof kMagic) != 0) return invalid_input("is no file of keys and values");
  if (header.version != kVersion)
    return error_of(ErrorKind::unsupported, "has version {}, but this program reads version {}", header.version,
                    kVersion);
  if (header.fingerprint != expected.fingerprint) return other("model");
  if (header.k_type != expected.k_type || header.v_type != expected.v_type)
    return other("type of KV cache (-ctk, -ctv, --precise)");
  if (header.head_dim_k != expected.head_dim_k || header.head_dim_v != expected.head_dim_v ||
      header.n_layer != expected.n_layer || header.n_head_kv != expected.n_head_kv ||
      header.page_tokens != expected.page_tokens || header.page_bytes != expected.page_bytes)
    return other("shape of KV cache");
  return {};
}

// The content of a file whose header, sizes and checksum are right.
struct Content {
  std::vector<Token> tokens;
  std::span<const std::byte> pages;
};

Result<Content> read(const Sequence::State& sequence, uint32_t n_ctx, std::span<const std::byte> bytes) {
  Header header{};
  if (bytes.size() < sizeof header) return invalid_input("is no file of keys and values");
  std::memcpy(&header, bytes.data(), sizeof header);
  QUIPU_CHECK_OK(check_header(header, header_of(sequence)));
  if (header.n_tokens > n_ctx)
    return error_of(ErrorKind::limit_exceeded, "holds {} tokens, but the context has room for {} (-c)", header.n_tokens,
                    n_ctx);
  const size_t n_pages = (size_t{header.n_tokens} + header.page_tokens - 1) / header.page_tokens;
  const auto page_bytes = checked_mul(n_pages, header.page_bytes);
  const auto total = page_bytes ? checked_add(*page_bytes, pages_begin(header.n_tokens)) : std::nullopt;
  if (!total || *total != bytes.size())
    return invalid_input("has {} bytes instead of {}: it was cut short or damaged", bytes.size(), total.value_or(0));
  const uint64_t expected = header.checksum;
  header.checksum = 0;
  Checksum checksum;
  checksum.add_value(header);
  checksum.add(bytes.subspan(sizeof header));
  if (checksum.value() != expected) return invalid_input("is damaged: its checksum does not fit");

  Content content;
  content.tokens.resize(header.n_tokens);
  if (header.n_tokens > 0)
    std::memcpy(content.tokens.data(), bytes.data() + sizeof header, header.n_tokens * sizeof(Token));
  const auto n_vocab = static_cast<Token>(sequence.origin->model->hyperparameters().n_vocab);
  for (const Token token : content.tokens)
    if (token < 0 || token >= n_vocab) return invalid_input("holds the token id {}, which the model lacks", token);
  content.pages = bytes.subspan(pages_begin(header.n_tokens));
  return content;
}

}  // namespace

uint64_t model_fingerprint(const Model& model) {
  constexpr size_t kSample = 64;  // bytes at the beginning and in the middle of each tensor
  Checksum checksum;
  const std::string prefix = model.hyperparameters().architecture + ".";
  for (const std::string_view key : model.file().keys()) {
    if (!key.starts_with(prefix)) continue;
    checksum.add(std::as_bytes(std::span(key)));
    checksum.add(model.file().find_value(key)->bytes);
  }
  for (const gguf::Tensor& tensor : model.file().tensors()) {
    checksum.add(std::as_bytes(std::span(tensor.name)));
    checksum.add_value(static_cast<uint32_t>(tensor.type));
    checksum.add_value(tensor.dims);
    checksum.add(tensor.data.first(std::min(kSample, tensor.data.size())));
    const auto rest = tensor.data.subspan(tensor.data.size() / 2);
    checksum.add(rest.first(std::min(kSample, rest.size())));
  }
  return checksum.value();
}

Status save_kv_file(const Sequence::State& sequence, const std::filesystem::path& path) {
  const KvShape& shape = sequence.kv->shape();
  QUIPU_CHECK(sequence.tokens.size() == sequence.kv->size());
  Header header = header_of(sequence);
  std::vector<std::byte> tokens(pages_begin(sequence.tokens.size()) - sizeof header);
  if (!sequence.tokens.empty())
    std::memcpy(tokens.data(), sequence.tokens.data(), sequence.tokens.size() * sizeof(Token));
  const size_t n_filled = sequence.tokens.size() % shape.page_tokens;
  const auto pages = sequence.kv->pages().first((sequence.tokens.size() + shape.page_tokens - 1) / shape.page_tokens);
  std::vector<std::byte> last;
  if (n_filled > 0) last = clean_page(sequence, pages.back(), n_filled);
  const auto page = [&](size_t i) -> std::span<const std::byte> {
    return {i + 1 == pages.size() && n_filled > 0 ? last.data() : pages[i], shape.page_bytes()};
  };
  std::vector<std::span<const std::byte>> parts{tokens};
  for (size_t i = 0; i < pages.size(); i++) parts.push_back(page(i));
  Checksum checksum;
  checksum.add_value(header);
  for (const auto part : parts) checksum.add(part);
  header.checksum = checksum.value();

  QUIPU_TRY(auto file, platform::OutputFile::create(path, false));
  QUIPU_CHECK_OK(file.write(std::as_bytes(std::span(&header, 1))));
  for (const auto part : parts) QUIPU_CHECK_OK(file.write(part));
  return file.commit();
}

Status restore_kv_file(Sequence::State& sequence, uint32_t n_ctx, const std::filesystem::path& path) {
  QUIPU_CHECK(sequence.tokens.empty());
  QUIPU_TRY(const auto file, platform::MappedFile::open(path));
  auto content = read(sequence, n_ctx, file->bytes());
  if (!content.ok()) return Error{content.error().kind, fmt::format("{} {}", path.string(), content.error().message)};
  const auto n_tokens = static_cast<uint32_t>(content->tokens.size());
  QUIPU_CHECK_OK(sequence.kv->reserve(n_tokens));
  const size_t page_bytes = sequence.kv->shape().page_bytes();
  for (size_t i = 0; i < content->pages.size() / page_bytes; i++)
    std::memcpy(sequence.kv->pages()[i], content->pages.data() + i * page_bytes, page_bytes);
  sequence.kv->advance(n_tokens);
  sequence.tokens = std::move(content->tokens);
  return {};
}

}  // namespace quipu::engine
