// Explanations as text and as documents, the same wherever spexctl shows one:
// compare, check, explain, graph, and the error of a refused transition.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "conformance/explained.h"
#include "protocol/value.h"

namespace spex::ctl {

struct SideNames {
  std::string left = "implementation";  // heads of columns
  std::string right = "specification";
};

// The story, then the trace with the states passed on both sides or the play with who moved, each line indented
// by `indent`. Long ones are cut with a word about it.
std::string explanation_text(const conformance::Explained& explained, const SideNames& names,
                             std::string_view indent = "  ");
// The formula is no part of that: a line of its own, "formula: …"; empty if there is none.
std::string formula_line(const conformance::Explained& explained);

// The keys of docs/protocol.md, "explanation"; and back from there.
protocol::Value explanation_document(const conformance::Explained& explained);
conformance::Explained explanation_of(const protocol::Value& document);

// A run of one side and the other's, step by step: who does what, and where each side is then.
struct RunRow {
  std::string action;  // empty: a silent step
  std::string left;    // the state it leads to; empty: this side makes no step
  std::string right;
};
// Visible actions side by side, counted from the end, where the sides differ by `action` alone.
std::vector<RunRow> paired_runs(const conformance::Explained& explained);

}  // namespace spex::ctl
