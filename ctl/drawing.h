// Drawing: states and transitions to be shown as a picture, and its DOT text for
// Graphviz. Colours are from M. Okabe and K. Ito's palette, which colour-blind
// people can tell apart, and every kind has a line style and a mark besides.
// Knows nothing of where the graph comes from; overlay.h makes it.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace spex::ctl {

// Whether something is in the specification, the implementation, or both. A drawing of one system is all `both`.
enum class Presence : std::uint8_t { both, missing, extra };

struct DrawnNode {
  std::string label;
  Presence presence = Presence::both;
  bool is_initial = false;
  bool is_on_run = false;
  std::uint32_t undrawn = 0;  // transitions that lead out of the drawing
};

struct DrawnEdge {
  std::uint32_t from = 0;
  std::uint32_t to = 0;
  std::vector<std::string> labels;
  Presence presence = Presence::both;
  std::uint32_t run_step = 0;  // from 1, if it is on the explanation's run
  bool is_silent = false;
};

struct Drawing {
  std::string title;
  std::vector<std::string> notes;  // sentences below the title
  std::vector<DrawnNode> nodes;
  std::vector<DrawnEdge> edges;
  bool is_comparison = false;
  bool has_run = false;
};

// Draws `?in` and then `!out`, with a state between them that has no other step, as one edge `in / out`.
void fold_mealy_steps(Drawing& drawing);
// Draws edges of one kind between the same two states as one.
void join_parallel_edges(Drawing& drawing);

std::string drawing_dot(const Drawing& drawing);

}  // namespace spex::ctl
