// Graphs in Graphviz's DOT language, as learners of protocol models write them.
//
// An edge's label is an action. In a Mealy machine it is `input / output`,
// which is read as the two steps `?input` and `!output` with a state between
// them; the graph attribute `mealy=false` says that a slash is just a slash.
// An HTML label `<a | b<br/>o>`, several edges drawn as one, is read as `a / o`
// and `b / o`. The initial state is the target of the edge from `__start0`,
// otherwise the first node of the file. What only concerns the picture is
// skipped. Called by spexctl's file verbs; reading takes memory for the graph
// and one statement, never recursion.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "lts/byte_source.h"
#include "lts/lts.h"

namespace spex::lts {

struct DotOptions {
  // The labels that mean the internal action; at least one, the first is its name.
  std::vector<std::string> tau_names = {"tau"};
};

// Malformed input fails with the line in text and context ("line"): what is no DOT, an undirected graph, an edge
// without a label or between groups of nodes, a graph without a node.
base::Result<Lts> read_dot(ByteSource& source, const DotOptions& options = {});
base::Result<Lts> parse_dot(std::string_view text, const DotOptions& options = {});

// The graph with tau written as `tau_name`, states by their names. Refused (invalid_argument) if a visible action has
// that name.
base::Result<std::string> format_dot(const Lts& lts, std::string_view tau_name = "tau");

// `text` as DOT's quoted string, to be read back or drawn as it is.
std::string dot_quoted(std::string_view text);

}  // namespace spex::lts
