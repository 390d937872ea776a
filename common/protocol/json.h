// Value <-> JSON as `spexctl batch` speaks it. The one door to nlohmann/json.
//
// A number without `.`, `e` or `E` is an integer (-2^63..2^64-1), any other a
// float, written back shortest with `.` or an exponent. What JSON cannot say:
// {"$bin": base64}, {"$map": [[key, value], …]} (also for maps whose only key begins
// with `$`), {"$float": "inf" | "-inf" | "nan"}.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "protocol/messages.h"
#include "protocol/value.h"

namespace spex::protocol {

// malformed (with line and column) on anything else than one JSON text: also
// duplicate keys, integers out of range, floats too large, nesting past `depth_max`.
base::Result<Value> parse_json(std::string_view text, std::size_t depth_max = kMessageDepthMax);
// One line. Text that is not UTF-8 shows U+FFFD.
std::string to_json(const Value& value);
void append_json(std::string& out, const Value& value);

}  // namespace spex::protocol
