#include "gguf/directory.h"

#include <algorithm>
#include <bit>
#include <limits>

#include "base/checked.h"
#include "gguf/cursor.h"
#include "gguf/printable.h"
#include "gguf/scalar.h"

namespace quipu::gguf {
namespace {

constexpr uint64_t kHeaderBytes = 24;
// The shortest key-value pair (key, type, one byte) and tensor entry (name, dimensions, one of them, type, offset).
constexpr uint64_t kMinEntryBytes = 8 + 4 + 1;
constexpr uint64_t kMinTensorBytes = 8 + 4 + 8 + 4 + 8;
constexpr uint64_t kDefaultAlignment = 32;
constexpr std::string_view kAlignmentKey = "general.alignment";

class Parser {
 public:
  explicit Parser(std::span<const std::byte> bytes) : bytes_(bytes), cursor_(bytes) {}

  Result<Directory> run() {
    QUIPU_CHECK_OK(read_header());
    for (uint64_t i = 0; i < n_entries_; ++i) QUIPU_CHECK_OK(read_entry(i));
    QUIPU_CHECK_OK(index_keys());
    QUIPU_CHECK_OK(read_alignment());
    for (uint64_t i = 0; i < n_tensors_; ++i) QUIPU_CHECK_OK(read_tensor(i));
    QUIPU_CHECK_OK(check_tensor_names());
    QUIPU_CHECK_OK(place_tensors());
    return std::move(directory_);
  }

 private:
  struct Placement {
    uint64_t entry_at = 0;  // of the tensor's directory entry
    uint64_t offset = 0;    // of its data, from the start of the data section
    uint64_t size = 0;
  };

  Status read_header();
  Status check_magic() const;
  Status check_version(uint32_t version) const;
  Status read_entry(uint64_t index);
  Status read_value(const Entry& entry, Value& value);
  Status read_array(const Entry& entry, Value& value);
  Status skip_array(const Entry& entry, ValueType element, uint64_t count, int depth);
  Status index_keys();
  Status read_alignment();
  Status read_tensor(uint64_t index);
  Status read_dims(Tensor& tensor, uint64_t at);
  Status read_type(Tensor& tensor, Placement& placement);
  Status check_tensor_names() const;
  Status place_tensors();

  [[nodiscard]] Error cut_off(std::string_view what) const {
    return invalid_input("the file is cut off: it ends at byte {}, within {}", bytes_.size(), what);
  }
  static std::string name_of(const Entry& entry) {
    return fmt::format("key {} at byte {}", in_quotes(entry.key), entry.offset);
  }
  static std::string name_of(const Tensor& tensor, uint64_t at) {
    return fmt::format("tensor {} at byte {}", in_quotes(tensor.name), at);
  }

  std::span<const std::byte> bytes_;
  Cursor cursor_;
  Directory directory_;
  uint64_t n_entries_ = 0, n_tensors_ = 0;
  uint64_t alignment_ = kDefaultAlignment;
  std::vector<Placement> placements_;  // of directory_.tensors
};

Status Parser::check_magic() const {
  if (bytes_.empty()) return invalid_input("the file is empty");
  const size_t n = std::min<size_t>(bytes_.size(), 4);
  const std::string_view magic(reinterpret_cast<const char*>(bytes_.data()), n);
  constexpr std::string_view kMagic = "GGUF";
  if (magic == kMagic) return {};
  if (n < 4 && magic == kMagic.substr(0, n)) return cut_off("the header");
  for (const std::string_view old : {"lmgg", "fmgg", "tjgg", "algg"}) {
    if (magic == old) return error_of(ErrorKind::unsupported, "a model in a format older than GGUF: convert it again");
  }
  return invalid_input("not a GGUF file: it begins with {}, not with 'GGUF'", in_quotes(magic));
}

Status Parser::check_version(uint32_t version) const {
  if (version == 2 || version == 3) return {};
  // A file of a big-endian machine has the same magic, but its version's bytes the other way round.
  if (version != 0 && (version & 0xffff) == 0) {
    return error_of(ErrorKind::unsupported,
                    "a big-endian GGUF file (version at byte 4): only little-endian ones can be read; "
                    "gguf-convert-endian of the Python package gguf converts it");
  }
  if (version == 1) {
    return error_of(ErrorKind::unsupported,
                    "GGUF version 1 (at byte 4) is not supported, 2 and 3 are: convert it again");
  }
  return error_of(ErrorKind::unsupported, "GGUF version {} (at byte 4) is not known, 2 and 3 are", version);
}

Status Parser::read_header() {
  QUIPU_CHECK_OK(check_magic());
  (void)cursor_.number<uint32_t>();
  const auto version = cursor_.number<uint32_t>();
  if (!version) return cut_off("the header");
  QUIPU_CHECK_OK(check_version(*version));
  directory_.version = *version;
  if (bytes_.size() < kHeaderBytes) return cut_off("the header");
  n_tensors_ = *cursor_.number<uint64_t>();
  n_entries_ = *cursor_.number<uint64_t>();
  const auto check_count = [&](std::string_view what, uint64_t at, uint64_t count, uint64_t limit,
                               uint64_t bytes_each) -> Status {
    if (count > limit) {
      return error_of(ErrorKind::limit_exceeded, "the header at byte {} asks for {} {}: the limit is {}", at, count,
                      what, limit);
    }
    if (count * bytes_each > cursor_.remaining()) {
      return invalid_input("the header at byte {} asks for {} {}, which {} bytes cannot hold", at, count, what,
                           cursor_.remaining());
    }
    return {};
  };
  QUIPU_CHECK_OK(check_count("tensors", 8, n_tensors_, kMaxTensors, kMinTensorBytes));
  return check_count("keys", 16, n_entries_, kMaxKeys, kMinEntryBytes);
}

Status Parser::read_entry(uint64_t index) {
  Entry entry;
  entry.offset = cursor_.position();
  const auto key = cursor_.string();
  if (!key) return cut_off(fmt::format("the name of key {} of {} at byte {}", index + 1, n_entries_, entry.offset));
  entry.key = *key;
  if (key->empty() || key->size() > kMaxKeyBytes) {
    return invalid_input("key {} at byte {}: its name has {} bytes (1 to {} are allowed)", index + 1, entry.offset,
                         key->size(), kMaxKeyBytes);
  }
  const uint64_t type_at = cursor_.position();
  const auto type = cursor_.number<uint32_t>();
  if (!type) return cut_off(name_of(entry));
  if (*type > static_cast<uint32_t>(ValueType::f64)) {
    return invalid_input("{}: value type {} (at byte {}) is not known", name_of(entry), *type, type_at);
  }
  entry.value.type = entry.value.element = static_cast<ValueType>(*type);
  QUIPU_CHECK_OK(read_value(entry, entry.value));
  directory_.entries.push_back(entry);
  return {};
}

Status Parser::read_value(const Entry& entry, Value& value) {
  if (value.type == ValueType::array) return read_array(entry, value);
  const uint64_t at = cursor_.position();
  if (value.type == ValueType::string) {
    const auto text = cursor_.string();
    if (text) {
      value.bytes = std::as_bytes(std::span(*text));
      return {};
    }
    const auto length = cursor_.number<uint64_t>();
    if (!length) return cut_off(name_of(entry));
    return invalid_input("{}: a string of {} bytes (at byte {}), but the file ends after {} more", name_of(entry),
                         *length, at, cursor_.remaining());
  }
  const auto bytes = cursor_.take(fixed_size(value.type));
  if (!bytes) return cut_off(name_of(entry));
  value.bytes = *bytes;
  if (value.type == ValueType::boolean && (*bytes)[0] > std::byte{1}) {
    return invalid_input("{}: {} (at byte {}) is no boolean: 0 or 1", name_of(entry),
                         std::to_integer<unsigned>((*bytes)[0]), at);
  }
  return {};
}

Status Parser::read_array(const Entry& entry, Value& value) {
  const uint64_t at = cursor_.position();
  const auto element = cursor_.number<uint32_t>();
  const auto count = cursor_.number<uint64_t>();
  if (!element || !count) return cut_off(name_of(entry));
  if (*element > static_cast<uint32_t>(ValueType::f64)) {
    return invalid_input("{}: element type {} (at byte {}) is not known", name_of(entry), *element, at);
  }
  value.element = static_cast<ValueType>(*element);
  value.count = *count;
  const uint64_t begin = cursor_.position();
  QUIPU_CHECK_OK(skip_array(entry, value.element, value.count, 1));
  value.bytes = bytes_.subspan(begin, cursor_.position() - begin);
  return {};
}

// Checks the elements of an array and moves behind them. The recursion ends at kMaxArrayDepth.
Status Parser::skip_array(const Entry& entry, ValueType element, uint64_t count, int depth) {
  const uint64_t at = cursor_.position();
  // A string needs its length at least, an array its element type and count.
  const uint64_t bytes_each = element == ValueType::string ? 8 : element == ValueType::array ? 12 : fixed_size(element);
  if (count > cursor_.remaining() / bytes_each) {
    return invalid_input(
        "{}: an array of {} elements (at byte {}) needs {} bytes each, but the file ends after {} more", name_of(entry),
        count, at, bytes_each, cursor_.remaining());
  }
  if (const uint64_t size = fixed_size(element); size != 0) {
    (void)cursor_.take(count * size);
    return {};
  }
  if (element == ValueType::array && depth >= kMaxArrayDepth) {
    return error_of(ErrorKind::limit_exceeded, "{}: arrays nested more than {} deep (at byte {})", name_of(entry),
                    kMaxArrayDepth, at);
  }
  for (uint64_t i = 0; i < count; ++i) {
    const uint64_t element_at = cursor_.position();
    if (element == ValueType::string) {
      if (cursor_.string()) continue;
      return invalid_input("{}: string {} of {} (at byte {}) reaches beyond the end of the file at byte {}",
                           name_of(entry), i, count, element_at, bytes_.size());
    }
    const auto inner_element = cursor_.number<uint32_t>();
    const auto inner_count = cursor_.number<uint64_t>();
    if (!inner_element || !inner_count) return cut_off(name_of(entry));
    if (*inner_element > static_cast<uint32_t>(ValueType::f64)) {
      return invalid_input("{}: element type {} (at byte {}) is not known", name_of(entry), *inner_element, element_at);
    }
    QUIPU_CHECK_OK(skip_array(entry, static_cast<ValueType>(*inner_element), *inner_count, depth + 1));
  }
  return {};
}

Status Parser::index_keys() {
  const auto& entries = directory_.entries;
  directory_.by_key = sorted_by_name(entries, [](const Entry& entry) { return entry.key; });
  const auto& order = directory_.by_key;
  for (size_t i = 1; i < order.size(); ++i) {
    const Entry& first = entries[order[i - 1]];
    const Entry& second = entries[order[i]];
    if (first.key == second.key) {
      return invalid_input("{}: the same key stands at byte {} already", name_of(second), first.offset);
    }
  }
  return {};
}

Status Parser::read_alignment() {
  const Entry* entry = directory_.find(kAlignmentKey);
  if (entry == nullptr) return {};
  const auto alignment = scalar_at<uint32_t>(entry->value.type, entry->value.bytes.data());
  if (!alignment || !std::has_single_bit(*alignment)) {
    return invalid_input("{}: the alignment must be a power of two", name_of(*entry));
  }
  alignment_ = *alignment;
  return {};
}

Status Parser::read_dims(Tensor& tensor, uint64_t at) {
  const auto n_dims = cursor_.number<uint32_t>();
  if (!n_dims) return cut_off(name_of(tensor, at));
  if (*n_dims < 1 || *n_dims > tensor.dims.size()) {
    return invalid_input("{}: {} dimensions (1 to {} are allowed)", name_of(tensor, at), *n_dims, tensor.dims.size());
  }
  tensor.n_dims = *n_dims;
  uint64_t n_elements = 1;
  for (uint32_t i = 0; i < *n_dims; ++i) {
    const uint64_t dim_at = cursor_.position();
    const auto dim = cursor_.number<uint64_t>();
    if (!dim) return cut_off(name_of(tensor, at));
    const auto product = checked_mul(n_elements, *dim);
    if (*dim == 0) return invalid_input("{}: dimension {} (at byte {}) is 0", name_of(tensor, at), i, dim_at);
    if (!product || *product > static_cast<uint64_t>(std::numeric_limits<int64_t>::max())) {
      return invalid_input("{}: dimension {} (at byte {}) is {}: more elements than can be counted",
                           name_of(tensor, at), i, dim_at, *dim);
    }
    n_elements = *product;
    tensor.dims[i] = *dim;
  }
  return {};
}

Status Parser::read_type(Tensor& tensor, Placement& placement) {
  const uint64_t at = placement.entry_at;
  const uint64_t type_at = cursor_.position();
  const auto number = cursor_.number<uint32_t>();
  if (!number) return cut_off(name_of(tensor, at));
  const quant::TypeTraits* type = quant::find_type(*number);
  if (type == nullptr) {
    return error_of(ErrorKind::unsupported, "{}: tensor type {} (at byte {}) is not known", name_of(tensor, at),
                    *number, type_at);
  }
  tensor.type = type->type;
  if (tensor.dims[0] % type->block_elements != 0) {
    return invalid_input("{}: rows of {} elements do not divide into the blocks of {} elements of type {}",
                         name_of(tensor, at), tensor.dims[0], type->block_elements, type->name);
  }
  const auto row = quant::row_bytes(type->type, tensor.dims[0]);
  const auto size = row ? checked_mul(*row, tensor.n_elements() / tensor.dims[0]) : std::nullopt;
  if (!size) return invalid_input("{}: more bytes than can be counted", name_of(tensor, at));
  placement.size = *size;
  return {};
}

Status Parser::read_tensor(uint64_t index) {
  Tensor tensor;
  Placement placement;
  const uint64_t at = placement.entry_at = cursor_.position();
  const auto name = cursor_.string();
  if (!name) return cut_off(fmt::format("the name of tensor {} of {} at byte {}", index + 1, n_tensors_, at));
  if (name->empty() || name->size() > kMaxTensorNameBytes) {
    return invalid_input("tensor {} at byte {}: its name has {} bytes (1 to {} are allowed)", index + 1, at,
                         name->size(), kMaxTensorNameBytes);
  }
  tensor.name = *name;
  QUIPU_CHECK_OK(read_dims(tensor, at));
  QUIPU_CHECK_OK(read_type(tensor, placement));
  const uint64_t offset_at = cursor_.position();
  const auto offset = cursor_.number<uint64_t>();
  if (!offset) return cut_off(name_of(tensor, at));
  if (*offset % alignment_ != 0) {
    return invalid_input("{}: its data's offset {} (at byte {}) is no multiple of the alignment {}",
                         name_of(tensor, at), *offset, offset_at, alignment_);
  }
  placement.offset = *offset;
  directory_.tensors.push_back(std::move(tensor));
  placements_.push_back(placement);
  return {};
}

Status Parser::check_tensor_names() const {
  const auto& tensors = directory_.tensors;
  const auto order = sorted_by_name(tensors, [](const Tensor& tensor) -> std::string_view { return tensor.name; });
  for (size_t i = 1; i < order.size(); ++i) {
    if (tensors[order[i - 1]].name != tensors[order[i]].name) continue;
    return invalid_input("{}: a tensor of the same name stands at byte {} already",
                         name_of(tensors[order[i]], placements_[order[i]].entry_at),
                         placements_[order[i - 1]].entry_at);
  }
  return {};
}

Status Parser::place_tensors() {
  if (directory_.tensors.empty()) return {};
  auto& tensors = directory_.tensors;
  const auto data_begin = checked_align_up(cursor_.position(), alignment_);
  for (size_t i = 0; i < tensors.size(); ++i) {
    const Placement& p = placements_[i];
    const auto begin = data_begin ? checked_add(*data_begin, p.offset) : std::nullopt;
    const auto end = begin ? checked_add(*begin, p.size) : std::nullopt;
    if (!end || *end > bytes_.size()) {
      const std::string where = begin ? fmt::format("byte {}", *begin) : "a byte beyond 2^64";
      return invalid_input("{}: its data of {} bytes from {} reaches beyond the end of the file at byte {}: cut off?",
                           name_of(tensors[i], p.entry_at), p.size, where, bytes_.size());
    }
    tensors[i].data = bytes_.subspan(*begin, p.size);
  }
  std::vector<uint32_t> order(tensors.size());
  for (uint32_t i = 0; i < order.size(); ++i) order[i] = i;
  std::ranges::sort(order, {}, [&](uint32_t i) { return std::pair(placements_[i].offset, i); });
  for (size_t i = 1; i < order.size(); ++i) {
    const Placement& before = placements_[order[i - 1]];
    const Placement& after = placements_[order[i]];
    if (before.offset + before.size <= after.offset) continue;
    return invalid_input("{}: its data from byte {} overlaps that of tensor {}",
                         name_of(tensors[order[i]], after.entry_at), *data_begin + after.offset,
                         in_quotes(tensors[order[i - 1]].name));
  }
  return {};
}

}  // namespace

const Entry* Directory::find(std::string_view key) const {
  const auto found = std::ranges::lower_bound(by_key, key, {}, [this](uint32_t i) { return entries[i].key; });
  return found != by_key.end() && entries[*found].key == key ? &entries[*found] : nullptr;
}

Result<Directory> read_directory(std::span<const std::byte> bytes) {
  return Parser(bytes).run();
}

}  // namespace quipu::gguf
