// Any bytes as the text of a model: refused, or a model that is written and read back the same.
#include "base/assert.h"
#include "conformance/model_text.h"
#include "fuzz_driver.h"

using namespace spex::conformance;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto model = read_model_text(std::string_view(reinterpret_cast<const char*>(data), size), "model.spex");
  if (!model) return 0;
  const auto text = write_model_text(*model);
  const auto back = read_model_text(text, "model.spex");
  SPEX_ASSERT(back && write_model_text(*back) == text);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  return {
      "Specification: order\nLearning mode: true\nTransitions:\nnil --[__initialisation__]-> new\nnew --[pay]-> paid\n",
      "Specification: a: b\nLearning mode: false\nTransitions:\n",
      "Specification: order\nLearning mode: true\nTransitions:\na --[b]-> c --[d]-> e\n"};
}
