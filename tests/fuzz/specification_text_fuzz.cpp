// Any bytes as the text of a specification: refused, or a specification that is written and read back the same.
#include "base/assert.h"
#include "conformance/specification_text.h"
#include "fuzz_driver.h"

using namespace spex::conformance;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto read = read_specification_text(std::string_view(reinterpret_cast<const char*>(data), size), "x.spec");
  if (!read) return 0;
  const auto text = write_specification_text(*read);
  if (!text) return 0;  // a state that would read as a comment
  const auto back = read_specification_text(*text, "x.spec");
  SPEX_ASSERT(back && *write_specification_text(*back) == *text);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  return {"Specification: order\nTransitions:\nnew --[pay]-> paid\npaid --[__internal__]-> new\n",
          "# c\nSpecification: order\nInitial state: new\nTransition timeout: 30s\nTimeout at end: report\n"
          "Prune timeout: 2d\nPrunable state: paid\nPrunable state: new\nOn not_an_action: accept\nTransitions:\n"
          "new --[pay]-> paid\n",
          "Specification: order\nPrunable states: terminal\nTransition timeout: infinity\nTransitions:\na --[b]-> a\n"};
}
