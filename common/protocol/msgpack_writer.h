// MsgpackWriter: appends MessagePack to a std::string, always in the shortest
// form. The caller writes as many elements as it announced; nothing checks that.
// Also to ShortBytes, for parts of known length that go into a string at once.
#pragma once

#include <array>
#include <bit>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/assert.h"

namespace spex::protocol {

// At most `kMost` bytes.
template <std::size_t kMost>
class ShortBytes {
 public:
  void push_back(char byte) { append(&byte, 1); }
  void append(std::string_view bytes) { append(bytes.data(), bytes.size()); }
  void append(const char* bytes, std::size_t count) {
    SPEX_ASSERT(count <= kMost - size_);
    std::memcpy(&bytes_[size_], bytes, count);
    size_ += count;
  }
  std::string_view view() const { return {bytes_.data(), size_}; }

 private:
  std::array<char, kMost> bytes_;
  std::size_t size_ = 0;
};

template <typename Out>
class BasicMsgpackWriter {
 public:
  explicit BasicMsgpackWriter(Out& out) : out_(out) {}

  BasicMsgpackWriter& nil() { return byte(0xc0); }
  BasicMsgpackWriter& boolean(bool value) { return byte(value ? 0xc3 : 0xc2); }
  BasicMsgpackWriter& uint(std::uint64_t value) {
    if (value < 0x80) return byte(static_cast<std::uint8_t>(value));
    if (value <= 0xff) return byte(0xcc).byte(static_cast<std::uint8_t>(value));
    if (value <= 0xffff) return head(0xcd, static_cast<std::uint16_t>(value));
    if (value <= 0xffffffff) return head(0xce, static_cast<std::uint32_t>(value));
    return head(0xcf, value);
  }
  BasicMsgpackWriter& integer(std::int64_t value) {
    if (value >= 0) return uint(static_cast<std::uint64_t>(value));
    if (value >= -32) return byte(static_cast<std::uint8_t>(value));
    if (value >= -128) return byte(0xd0).byte(static_cast<std::uint8_t>(value));
    if (value >= -32768) return head(0xd1, static_cast<std::uint16_t>(value));
    if (value >= -2147483648LL) return head(0xd2, static_cast<std::uint32_t>(value));
    return head(0xd3, static_cast<std::uint64_t>(value));
  }
  BasicMsgpackWriter& number(double value) {
    return head(0xcb, std::bit_cast<std::uint64_t>(value));
  }  // always float64
  BasicMsgpackWriter& string(std::string_view text) {
    string_header(static_cast<std::uint32_t>(text.size()));
    return raw(text);
  }
  // The header only; `length` bytes of UTF-8 follow by raw().
  BasicMsgpackWriter& string_header(std::uint32_t length) {
    if (length < 32) return byte(static_cast<std::uint8_t>(0xa0 | length));
    if (length <= 0xff) return byte(0xd9).byte(static_cast<std::uint8_t>(length));
    if (length <= 0xffff) return head(0xda, static_cast<std::uint16_t>(length));
    return head(0xdb, length);
  }
  BasicMsgpackWriter& binary(std::string_view bytes) {
    const auto length = static_cast<std::uint32_t>(bytes.size());
    if (length <= 0xff) {
      byte(0xc4).byte(static_cast<std::uint8_t>(length));
    } else if (length <= 0xffff) {
      head(0xc5, static_cast<std::uint16_t>(length));
    } else {
      head(0xc6, length);
    }
    return raw(bytes);
  }
  BasicMsgpackWriter& array(std::uint32_t size) {
    if (size < 16) return byte(static_cast<std::uint8_t>(0x90 | size));
    if (size <= 0xffff) return head(0xdc, static_cast<std::uint16_t>(size));
    return head(0xdd, size);
  }
  BasicMsgpackWriter& map(std::uint32_t pairs) {
    if (pairs < 16) return byte(static_cast<std::uint8_t>(0x80 | pairs));
    if (pairs <= 0xffff) return head(0xde, static_cast<std::uint16_t>(pairs));
    return head(0xdf, pairs);
  }
  // A value that is already encoded.
  BasicMsgpackWriter& raw(std::string_view encoded) {
    out_.append(encoded);
    return *this;
  }
  // The same, with nil for an empty view.
  BasicMsgpackWriter& raw_or_nil(std::string_view encoded) { return encoded.empty() ? nil() : raw(encoded); }
  // A string, or nil for an empty one.
  BasicMsgpackWriter& string_or_nil(std::string_view text) { return text.empty() ? nil() : string(text); }

 private:
  BasicMsgpackWriter& byte(std::uint8_t value) {
    out_.push_back(static_cast<char>(value));
    return *this;
  }
  template <typename Word>
  BasicMsgpackWriter& head(std::uint8_t type, Word word) {
    char bytes[1 + sizeof word];
    bytes[0] = static_cast<char>(type);
    for (std::size_t i = 0; i < sizeof word; ++i) {
      bytes[1 + i] = static_cast<char>(word >> (8 * (sizeof word - 1 - i)));
    }
    out_.append(bytes, sizeof bytes);
    return *this;
  }

  Out& out_;
};

using MsgpackWriter = BasicMsgpackWriter<std::string>;

}  // namespace spex::protocol
