// The stable 64-bit hash of identifiers: XXH64 with seed 0.
//
// Published, with test vectors in docs/protocol.md, because clients may route
// by it; it never changes. Reference: Y. Collet, "xxHash fast digest
// algorithm", format version 0.1.1 (XXH64).
#pragma once

#include <cstdint>
#include <string_view>

namespace spex::base {

// O(length); no allocation.
std::uint64_t hash64(std::string_view bytes, std::uint64_t seed = 0);

}  // namespace spex::base
