// Value <-> MessagePack, for structure that is not known beforehand. The one
// door to msgpack-c. Not for the hot path: see msgpack_reader.h.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/messages.h"
#include "protocol/value.h"

namespace spex::protocol {

// The whole of `encoded` as one value. malformed: truncated, trailing bytes,
// an extension, containers nested deeper than `depth_max`. Never allocates more than
// a small multiple of the size of `encoded`. Text is not checked to be UTF-8.
base::Result<Value> decode_value(std::string_view encoded, std::size_t depth_max = kMessageDepthMax);
// The value at the beginning of `encoded`, which is advanced past it.
base::Result<Value> decode_value_prefix(std::string_view& encoded, std::size_t depth_max = kMessageDepthMax);

// Shortest headers and integers, float64, map entries in their order.
std::string encode_value(const Value& value);
void append_value(std::string& out, const Value& value);

}  // namespace spex::protocol
