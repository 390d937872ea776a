// Any bytes as a DOT graph: refused, or a system that is written and read back the same.
#include "base/assert.h"
#include "fuzz_driver.h"
#include "lts/dot_format.h"

using namespace spex::lts;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const auto lts = parse_dot(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!lts) return 0;
  const auto text = format_dot(*lts);
  if (!text) return 0;  // a visible action called tau, or a state called __start0
  const auto back = parse_dot(*text);
  SPEX_ASSERT(back && back->state_count() == lts->state_count());
  SPEX_ASSERT(back->transition_count() == lts->transition_count());
  SPEX_ASSERT(back->state_name(back->initial_state()) == lts->state_name(lts->initial_state()));
  SPEX_ASSERT(*format_dot(*back) == *text);
  return 0;
}

std::vector<std::string> fuzz_seeds(const std::string&) {
  return {"digraph { a -> b [label=\"x / y\"]; b -> a [label=tau] }",
          "digraph g { __start0 [label=\"\" shape=\"none\"]; s0 [shape=\"circle\" label=\"0\"];\ns0 -> s1 "
          "[label=<a | b<br />Alert (x) / Closed>];\n__start0 -> s0; }",
          "strict digraph \"x\" { # no comment\n/* c */ edge [label=d, mealy=false]; a:n -> b:s -> c [label=\"x\" + "
          "\"y\\\"\\\\\"]; subgraph q { -1.5 } }",
          "\xEF\xBB\xBF"
          "digraph{s->s[label=\"i/o\"];s->t[label=\"i/p\"];\"s ?i\"}"};
}
