#include "protocol/msgpack_reader.h"

#include <array>

#include "base/assert.h"

namespace spex::protocol {
namespace {

constexpr std::array<MsgpackType, 256> make_types() {
  using enum MsgpackType;
  std::array<MsgpackType, 256> types{};
  for (unsigned i = 0; i < 256; ++i) {
    if (i < 0x80 || i >= 0xe0) {
      types[i] = integer;
    } else if (i < 0x90) {
      types[i] = map;
    } else if (i < 0xa0) {
      types[i] = array;
    } else if (i < 0xc0) {
      types[i] = string;
    } else {
      types[i] = refused;  // the rest of these is set below
    }
  }
  types[0xc0] = nil;
  types[0xc2] = types[0xc3] = boolean;
  types[0xc4] = types[0xc5] = types[0xc6] = binary;
  types[0xca] = types[0xcb] = floating;
  for (unsigned i = 0xcc; i <= 0xd3; ++i) types[i] = integer;
  types[0xd9] = types[0xda] = types[0xdb] = string;
  types[0xdc] = types[0xdd] = array;
  types[0xde] = types[0xdf] = map;
  return types;
}
constexpr std::array<MsgpackType, 256> kTypes = make_types();

}  // namespace

MsgpackType msgpack_type(std::uint8_t byte) { return kTypes[byte]; }

bool MsgpackReader::length_after(std::size_t width, std::size_t& length) const {
  if (left() < 1 + width) return false;
  if (width == 1) {
    length = byte(1);
  } else if (width == 2) {
    length = big_endian<std::uint16_t>(1);
  } else {
    length = big_endian<std::uint32_t>(1);
  }
  return true;
}

bool MsgpackReader::read_long_integer(std::uint64_t& bits, bool& negative) {
  if (at_end()) return false;
  const std::uint8_t type = byte(0);
  if (type < 0x80 || type >= 0xe0) {
    bits = static_cast<std::uint64_t>(static_cast<std::int8_t>(type));
    negative = type >= 0xe0;
    ++next_;
    return true;
  }
  if (type < 0xcc || type > 0xd3) return false;
  const bool is_signed = type >= 0xd0;
  const std::size_t width = std::size_t{1} << ((type - 0xcc) & 3);
  if (left() < 1 + width) return false;
  std::int64_t value = 0;
  if (width == 1) {
    value = is_signed ? std::int64_t{static_cast<std::int8_t>(byte(1))} : byte(1);
  } else if (width == 2) {
    const auto word = big_endian<std::uint16_t>(1);
    value = is_signed ? std::int64_t{static_cast<std::int16_t>(word)} : word;
  } else if (width == 4) {
    const auto word = big_endian<std::uint32_t>(1);
    value = is_signed ? std::int64_t{static_cast<std::int32_t>(word)} : word;
  } else {
    value = static_cast<std::int64_t>(big_endian<std::uint64_t>(1));
  }
  bits = static_cast<std::uint64_t>(value);
  negative = is_signed && value < 0;
  next_ += 1 + width;
  return true;
}

bool MsgpackReader::read_double(double& value) {
  if (at_end()) return false;
  if (byte(0) == 0xcb && left() >= 9) {
    value = std::bit_cast<double>(big_endian<std::uint64_t>(1));
    next_ += 9;
    return true;
  }
  if (byte(0) == 0xca && left() >= 5) {
    value = static_cast<double>(std::bit_cast<float>(big_endian<std::uint32_t>(1)));
    next_ += 5;
    return true;
  }
  return false;
}

bool MsgpackReader::read_long_string(std::string_view& value) {
  const std::uint8_t type = byte(0);
  if (type < 0xd9 || type > 0xdb) return false;
  const std::size_t width = std::size_t{1} << (type - 0xd9);
  std::size_t length = 0;
  return length_after(width, length) && take_bytes(1 + width, length, value);
}

bool MsgpackReader::read_binary(std::string_view& value) {
  if (at_end() || byte(0) < 0xc4 || byte(0) > 0xc6) return false;
  const std::size_t width = std::size_t{1} << (byte(0) - 0xc4);
  std::size_t length = 0;
  return length_after(width, length) && take_bytes(1 + width, length, value);
}

bool MsgpackReader::read_long_array(std::uint32_t& size) {
  if (byte(0) != 0xdc && byte(0) != 0xdd) return false;
  const std::size_t width = byte(0) == 0xdc ? 2 : 4;
  std::size_t length = 0;
  if (!length_after(width, length)) return false;
  next_ += 1 + width;
  size = static_cast<std::uint32_t>(length);
  return length <= left();
}

bool MsgpackReader::read_map(std::uint32_t& size) {
  if (at_end()) return false;
  std::size_t length = byte(0) & 0x0f;
  if ((byte(0) & 0xf0) == 0x80) {
    ++next_;
  } else {
    if (byte(0) != 0xde && byte(0) != 0xdf) return false;
    const std::size_t width = byte(0) == 0xde ? 2 : 4;
    if (!length_after(width, length)) return false;
    next_ += 1 + width;
  }
  size = static_cast<std::uint32_t>(length);
  return 2 * length <= left();
}

// Skips a scalar whole, or the header of a container; `children` values follow.
bool MsgpackReader::skip_one(std::uint64_t& children) {
  children = 0;
  std::uint32_t size = 0;
  std::string_view text;
  switch (peek()) {
    case MsgpackType::nil:
    case MsgpackType::boolean:
      ++next_;
      return true;
    case MsgpackType::integer: {
      std::uint64_t bits = 0;
      bool negative = false;
      return read_long_integer(bits, negative);
    }
    case MsgpackType::floating: {
      double number = 0;
      return read_double(number);
    }
    case MsgpackType::string:
      return read_string(text);
    case MsgpackType::binary:
      return read_binary(text);
    case MsgpackType::array:
      if (!read_array(size)) return false;
      children = size;
      return true;
    case MsgpackType::map:
      if (!read_map(size)) return false;
      children = 2 * std::uint64_t{size};
      return true;
    case MsgpackType::end:
    case MsgpackType::refused:
      return false;
  }
  return false;
}

bool MsgpackReader::skip(std::string_view& skipped, std::size_t depth_max) {
  SPEX_ASSERT(depth_max <= kSkipDepthMax);
  const char* const begin = next_;
  std::array<std::uint64_t, kSkipDepthMax> pending;  // values still to come, per open container
  std::size_t depth = 0;
  std::uint64_t children = 0;
  do {
    if (!skip_one(children)) return false;
    if (children > 0) {
      if (depth == depth_max) return false;
      pending[depth++] = children;
      continue;
    }
    while (depth > 0 && --pending[depth - 1] == 0) --depth;
  } while (depth > 0);
  skipped = {begin, static_cast<std::size_t>(next_ - begin)};
  return true;
}

}  // namespace spex::protocol
