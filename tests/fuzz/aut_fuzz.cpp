// Any bytes as `.aut`: refused with a line, or a system that is written and read back the same.
#include "base/assert.h"
#include "fuzz_driver.h"
#include "lts/aut_format.h"

using namespace spex::lts;

namespace {

// A header alone may promise four billion states, which nobody has in memory; only the writer goes through them.
constexpr std::uint32_t kStatesMax = 1U << 16U;

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lts = parse_aut(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lts) {
    SPEX_ASSERT(!lts.error().message.empty());
    return 0;
  }
  if (lts->state_count() > kStatesMax) return 0;
  const auto text = format_aut(*lts);
  if (!text) return 0;  // a label with a quote and a comma or blank
  const auto back = parse_aut(*text);
  SPEX_ASSERT(back && back->state_count() == lts->state_count());
  SPEX_ASSERT(back->transition_count() == lts->transition_count() && back->initial_state() == lts->initial_state());
  SPEX_ASSERT(*format_aut(*back) == *text);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  return {"des (0,2,3)\n(0,\"a\",1)\n(1,tau,2)\n",
          "des(1,1,2)\r\n ( 1 , \"a, (b)\" , 0 ) \r\n",
          "\n\ndes (0, 0, 1)",
          "des (0,1,4294967294)\n(0,,4294967293)\n",
          "des (0,1,2)\n(0,a b\tc,1)",
          "des (0,1,2)\n(0,\"a\nb\",1)\n",
          "des (0,3,3)\n(0,i,1)\n(1,\"\",2)\n(2,a|b\"c,0)\n"};
}
