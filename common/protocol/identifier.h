// The canonical encoding of instance identifiers, the slot that it hashes to,
// and the checks of other values that clients bring along.
//
// Two identifiers are the same instance if and only if their canonical encodings
// are the same bytes: shortest header of each value, shortest integer, floats as
// float64, map entries sorted by the bytes of their encoded keys.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/result.h"

namespace spex::protocol {

// The canonical form of the one value `encoded`: `encoded` itself where it is
// canonical already (nothing is copied), else a view into `scratch`, which is replaced.
// invalid_argument: NaN, extension, text that is not UTF-8, a key twice in a map,
// nested too deep; too_large: more than kIdentifierBytesMax; malformed: no whole value.
base::Result<std::string_view> canonicalise(std::string_view encoded, std::string& scratch);

constexpr std::uint32_t kSlotCount = 4096;
// hash64(canonical) mod kSlotCount.
std::uint32_t slot_of(std::string_view canonical);

// Whether `encoded` may be the meta of an instance: nil or a map, at most
// kMetaBytesMax, text in UTF-8, no key twice, no extension. Reasons as above.
base::Result<void> check_meta(std::string_view encoded);

}  // namespace spex::protocol
