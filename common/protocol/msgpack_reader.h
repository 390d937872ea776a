// MsgpackReader: reads MessagePack out of a byte range without allocating and
// without recursion. Strings are views into the range. For messages whose shape
// is known; `codec.h` builds a Value where it is not.
//
// Every read is bounds-checked: a truncated value, an array or map that claims
// more elements than there are bytes left, an extension or the unused byte 0xc1
// make it return false. After false the position is unspecified: stop reading.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace spex::protocol {

enum class MsgpackType : std::uint8_t { end, nil, boolean, integer, floating, string, binary, array, map, refused };

// Of the value that begins with `byte`; `refused`: extensions and 0xc1.
MsgpackType msgpack_type(std::uint8_t byte);

class MsgpackReader {
 public:
  explicit MsgpackReader(std::string_view bytes) : next_(bytes.data()), end_(bytes.data() + bytes.size()) {}

  bool at_end() const { return next_ == end_; }
  std::size_t left() const { return static_cast<std::size_t>(end_ - next_); }
  const char* position() const { return next_; }
  MsgpackType peek() const { return at_end() ? MsgpackType::end : msgpack_type(byte(0)); }

  // Consumes a nil if one is next; false (and nothing consumed) otherwise.
  bool take_nil() {
    if (at_end() || byte(0) != 0xc0) return false;
    ++next_;
    return true;
  }
  [[nodiscard]] bool read_bool(bool& value) {
    if (at_end() || (byte(0) & 0xfe) != 0xc2) return false;
    value = byte(0) == 0xc3;
    ++next_;
    return true;
  }
  // Any encoding of an integer whose value fits.
  [[nodiscard]] bool read_uint(std::uint64_t& value) {
    if (!at_end() && byte(0) < 0x80) {
      value = byte(0);
      ++next_;
      return true;
    }
    bool negative = false;
    return read_long_integer(value, negative) && !negative;
  }
  [[nodiscard]] bool read_int(std::int64_t& value) {
    std::uint64_t bits = 0;
    bool negative = false;
    if (!read_long_integer(bits, negative)) return false;
    value = static_cast<std::int64_t>(bits);
    return negative || value >= 0;
  }
  // A float32 or float64; an integer is no float.
  [[nodiscard]] bool read_double(double& value);

  [[nodiscard]] bool read_string(std::string_view& value) {
    if (at_end()) return false;
    if ((byte(0) & 0xe0) == 0xa0) return take_bytes(1, byte(0) & 0x1f, value);
    return read_long_string(value);
  }
  [[nodiscard]] bool read_binary(std::string_view& value);

  // The number of elements; that many values follow. Never more than bytes left.
  [[nodiscard]] bool read_array(std::uint32_t& size) {
    if (at_end()) return false;
    if ((byte(0) & 0xf0) == 0x90) {
      size = byte(0) & 0x0f;
      ++next_;
      return size <= left();
    }
    return read_long_array(size);
  }
  // The number of pairs; twice as many values follow.
  [[nodiscard]] bool read_map(std::uint32_t& size);

  // Skips one whole value, checking its structure; containers nest at most
  // `depth_max` (which is at most kSkipDepthMax) deep. `skipped` is its encoding.
  static constexpr std::size_t kSkipDepthMax = 64;
  [[nodiscard]] bool skip(std::string_view& skipped, std::size_t depth_max) {
    const char* const begin = next_;
    if (!skip_fixed() && !skip_long(depth_max)) return false;
    skipped = {begin, static_cast<std::size_t>(next_ - begin)};
    return true;
  }

 private:
  // Of values as long as their first byte says, short strings among them; 0: other values.
  static constexpr std::array<std::uint8_t, 256> kFixedBytes = [] {
    std::array<std::uint8_t, 256> bytes{};
    const auto set = [&](unsigned from, unsigned to, std::uint8_t length) {
      for (unsigned i = from; i <= to; ++i) bytes[i] = length;
    };
    set(0x00, 0x7f, 1);
    for (unsigned i = 0xa0; i < 0xc0; ++i) bytes[i] = static_cast<std::uint8_t>(1 + (i & 31));
    set(0xc0, 0xc0, 1);
    set(0xc2, 0xc3, 1);
    set(0xca, 0xca, 5);
    set(0xcb, 0xcb, 9);
    for (unsigned i = 0; i < 4; ++i) bytes[0xcc + i] = bytes[0xd0 + i] = static_cast<std::uint8_t>(1 + (1U << i));
    set(0xe0, 0xff, 1);
    return bytes;
  }();
  bool skip_fixed() {
    if (at_end()) return false;
    const std::size_t length = kFixedBytes[byte(0)];
    if (length == 0 || length > left()) return false;
    next_ += length;
    return true;
  }
  std::uint8_t byte(std::size_t offset) const { return static_cast<std::uint8_t>(next_[offset]); }

  template <typename Word>
  Word big_endian(std::size_t offset) const {
    Word word;
    std::memcpy(&word, next_ + offset, sizeof word);
    if constexpr (sizeof word == 2) word = __builtin_bswap16(word);
    if constexpr (sizeof word == 4) word = __builtin_bswap32(word);
    if constexpr (sizeof word == 8) word = __builtin_bswap64(word);
    return word;
  }
  bool take_bytes(std::size_t header, std::size_t length, std::string_view& value) {
    if (left() < header || left() - header < length) return false;
    value = {next_ + header, length};
    next_ += header + length;
    return true;
  }
  // Length of a header field of 1, 2 or 4 bytes after the type byte.
  bool length_after(std::size_t width, std::size_t& length) const;
  bool read_long_integer(std::uint64_t& bits, bool& negative);
  bool read_long_string(std::string_view& value);
  bool read_long_array(std::uint32_t& size);
  bool skip_long(std::size_t depth_max);
  bool skip_head(std::uint64_t& children);
  bool skip_children(std::uint64_t children, std::size_t depth_max);

  const char* next_;
  const char* end_;
};

}  // namespace spex::protocol
