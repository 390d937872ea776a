// Any bytes as JSON: refused, or a value that is written and read back the same.
#include "base/assert.h"
#include "fuzz_driver.h"
#include "protocol/json.h"

using namespace spex::protocol;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto value = parse_json(std::string_view(reinterpret_cast<const char*>(data), size), 16);
  if (!value) return 0;
  const std::string text = to_json(*value);
  // What is written as $map nests deeper than it was read.
  const auto back = parse_json(text, 3 * 16 + 3);
  SPEX_ASSERT(back && *back == *value && to_json(*back) == text);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  return {"null",
          "[true,false,-0.0,1e300,5e-324,18446744073709551615,-9223372036854775808]",
          R"({"a":{"$bin":"AP8="},"b":{"$map":[[1,"x"],[null,{}]]},"c":{"$float":"nan"}})",
          R"({"$map":[["$map",[]]]})",
          R"(["\u00e9\ud83d\ude00\"\\\n", ""])",
          R"({"op":"transition","args":{"id":7}})"};
}
