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

// Of what is not as long as its first byte says: how its length is encoded.
struct Shape {
  enum class Kind : std::uint8_t { sized, array, map, refused };
  Kind kind = Kind::refused;
  std::uint8_t width = 0;  // bytes of the length after the first byte
  std::uint8_t count = 0;  // elements or pairs where the first byte says so
};

constexpr std::array<Shape, 256> make_shapes() {
  using enum Shape::Kind;
  std::array<Shape, 256> shapes{};
  for (unsigned i = 0; i < 16; ++i) {
    shapes[0x80 + i] = {map, 0, static_cast<std::uint8_t>(i)};
    shapes[0x90 + i] = {array, 0, static_cast<std::uint8_t>(i)};
  }
  for (unsigned i = 0; i < 3; ++i) shapes[0xc4 + i] = shapes[0xd9 + i] = {sized, static_cast<std::uint8_t>(1u << i)};
  shapes[0xdc] = {array, 2};
  shapes[0xdd] = {array, 4};
  shapes[0xde] = {map, 2};
  shapes[0xdf] = {map, 4};
  return shapes;
}
constexpr std::array<Shape, 256> kShapes = make_shapes();

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

// Skips a sized value whole, or the header of a container; `children` values follow.
bool MsgpackReader::skip_head(std::uint64_t& children) {
  children = 0;
  if (at_end()) return false;
  const Shape shape = kShapes[byte(0)];
  if (shape.kind == Shape::Kind::refused) return false;
  std::size_t length = shape.count;
  if (shape.width > 0 && !length_after(shape.width, length)) return false;
  next_ += 1 + shape.width;
  if (shape.kind == Shape::Kind::sized) {
    if (length > left()) return false;
    next_ += length;
    return true;
  }
  children = shape.kind == Shape::Kind::map ? 2 * std::uint64_t{length} : length;
  return children <= left();
}

// What is not as long as its first byte says.
bool MsgpackReader::skip_long(std::size_t depth_max) {
  SPEX_ASSERT(depth_max <= kSkipDepthMax);
  std::uint64_t children = 0;
  return skip_head(children) && (children == 0 || skip_children(children, depth_max));
}

// The values in a container whose header has been read, and all in them.
bool MsgpackReader::skip_children(std::uint64_t children, std::size_t depth_max) {
  if (depth_max == 0) return false;
  std::array<std::uint64_t, kSkipDepthMax> pending;  // of the containers around the innermost one
  std::size_t depth = 1;
  std::uint64_t here = children;  // values still to come in the innermost container
  while (true) {
    children = 0;
    if (!skip_fixed() && !skip_head(children)) return false;
    --here;
    if (children > 0) {
      if (depth == depth_max) return false;
      pending[depth++] = here;
      here = children;
      continue;
    }
    while (here == 0) {
      if (--depth == 0) return true;
      here = pending[depth];
    }
  }
}

}  // namespace spex::protocol
