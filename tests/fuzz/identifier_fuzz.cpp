// Any bytes as an identifier or meta: refused, or canonical for good.
#include "base/assert.h"
#include "common/protocol/bytes.h"
#include "fuzz_driver.h"
#include "protocol/codec.h"
#include "protocol/identifier.h"

using namespace spex::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  (void)check_meta(bytes).ok();
  std::string scratch;
  const auto canonical = canonicalise(bytes, scratch);
  if (!canonical) return 0;
  SPEX_ASSERT(canonical->size() <= kIdentifierBytesMax);
  std::string again;
  const auto twice = canonicalise(*canonical, again);
  SPEX_ASSERT(twice && *twice == *canonical);
  const auto value = decode_value(*canonical);
  SPEX_ASSERT(value && encode_value(*value) == *canonical);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  std::vector<std::string> seeds;
  for (const char* hex :
       {"a36f2d31", "d92061626364656667686162636465666768616263646566676861626364656667 68", "c403010203", "cd0102",
        "d3ffffffffffffff00", "ca3fc00000", "cb7ff8000000000000", "82a162cc01a16102", "dc00029300c0c281c0c3",
        "8481a16101a16291c080c09301ff00c3cb3ff0000000000000", "a5c3a974c3a9", "a1ff", "d40101"}) {
    seeds.push_back(from_hex(hex));
  }
  return seeds;
}
