// Numbers of variable length (LEB128) and fixed little-endian words in byte
// buffers. Writing is into space known to be enough; reading checks its bounds:
// a reader that failed stays failed and gives zeros.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>

namespace spex::store {

static_assert(std::endian::native == std::endian::little, "the file format is little-endian");

inline constexpr std::size_t kVarintMax = 10;

inline std::uint8_t* put_varint(std::uint8_t* to, std::uint64_t value) {
  for (; value >= 128; value >>= 7) *to++ = static_cast<std::uint8_t>(value | 128);
  *to++ = static_cast<std::uint8_t>(value);
  return to;
}

// Signed numbers near zero become small ones: 0, -1, 1, -2, …
inline std::uint64_t zigzag(std::int64_t value) {
  return (static_cast<std::uint64_t>(value) << 1) ^ static_cast<std::uint64_t>(value >> 63);
}
inline std::int64_t unzigzag(std::uint64_t value) {
  return static_cast<std::int64_t>((value >> 1) ^ (~(value & 1) + 1));
}
// The difference of two numbers as a signed one; wraps, so that adding it back is exact.
inline std::int64_t difference(std::uint64_t a, std::uint64_t b) { return static_cast<std::int64_t>(a - b); }
inline std::int64_t time_difference(std::int64_t a, std::int64_t b) {
  return difference(static_cast<std::uint64_t>(a), static_cast<std::uint64_t>(b));
}
inline std::int64_t time_plus(std::int64_t a, std::int64_t b) {
  return static_cast<std::int64_t>(static_cast<std::uint64_t>(a) + static_cast<std::uint64_t>(b));
}

template <typename Word>
std::uint8_t* put_word(std::uint8_t* to, Word word) {
  std::memcpy(to, &word, sizeof word);
  return to + sizeof word;
}
template <typename Word>
Word get_word(const std::uint8_t* from) {
  Word word;
  std::memcpy(&word, from, sizeof word);
  return word;
}

class ByteReader {
 public:
  explicit ByteReader(std::span<const std::uint8_t> bytes, std::size_t at = 0)
      : begin_(bytes.data()), at_(bytes.data() + at), end_(bytes.data() + bytes.size()), ok_(at <= bytes.size()) {}

  bool ok() const { return ok_; }
  bool at_end() const { return !ok_ || at_ == end_; }
  std::size_t position() const { return static_cast<std::size_t>(at_ - begin_); }

  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 70 && ok_; shift += 7) {
      if (at_ == end_) break;
      const std::uint8_t byte = *at_++;
      if (shift == 63 && byte > 1) break;
      value |= std::uint64_t{byte & 127U} << shift;
      if (byte < 128) return value;
    }
    ok_ = false;
    return 0;
  }
  std::uint32_t varint32() {
    const std::uint64_t value = varint();
    if (value > 0xffffffffU) ok_ = false;
    return ok_ ? static_cast<std::uint32_t>(value) : 0;
  }
  std::int64_t signed_varint() { return unzigzag(varint()); }
  template <typename Word>
  Word word() {
    if (!ok_ || static_cast<std::size_t>(end_ - at_) < sizeof(Word)) {
      ok_ = false;
      return 0;
    }
    const Word value = get_word<Word>(at_);
    at_ += sizeof(Word);
    return value;
  }

 private:
  const std::uint8_t* begin_;
  const std::uint8_t* at_;
  const std::uint8_t* end_;
  bool ok_;
};

}  // namespace spex::store
