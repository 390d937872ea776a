#include "random_lts.h"

#include <algorithm>
#include <numeric>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "lts/lts_builder.h"

namespace spex::test_support {
namespace {

using lts::StateId;

struct Edge {
  StateId from;
  std::string label;
  StateId to;
};

std::uint32_t below(Random& random, std::size_t bound) {
  return static_cast<std::uint32_t>(random() % static_cast<std::uint64_t>(bound));
}

bool chance(Random& random, double probability) { return std::generate_canonical<double, 32>(random) < probability; }

std::vector<Edge> edges_of(const lts::Lts& lts) {
  std::vector<Edge> edges;
  for (StateId state = 0; state < lts.state_count(); ++state) {
    for (const lts::Transition& step : lts.outgoing(state)) {
      edges.push_back({state, std::string(lts.action_name(step.action)), step.target});
    }
  }
  return edges;
}

lts::Lts built(const std::vector<Edge>& edges, std::uint32_t states, StateId initial) {
  lts::LtsBuilder builder;
  builder.ensure_states(states);
  for (const Edge& edge : edges) builder.add_transition(edge.from, edge.label, edge.to);
  builder.set_initial(initial);
  return std::move(builder).build();
}

std::string random_label(Random& random, const RandomLtsShape& shape) {
  if (chance(random, shape.tau_share)) return "tau";
  return std::string(1, static_cast<char>('a' + below(random, shape.labels)));
}

}  // namespace

lts::Lts lts_of(const std::string& text) {
  lts::LtsBuilder builder;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line, ',');) {
    std::istringstream words(line);
    StateId from = 0;
    StateId to = 0;
    std::string label;
    words >> from >> label >> to;
    builder.add_transition(from, label, to);
  }
  return std::move(builder).build();
}

lts::Lts random_lts(Random& random, const RandomLtsShape& shape) {
  const std::uint32_t states = 1 + below(random, shape.states_max);
  const double mean = shape.transitions_per_state * states;
  const std::uint32_t count = below(random, static_cast<std::size_t>(2 * mean) + 1);
  std::vector<Edge> edges;
  for (std::uint32_t i = 0; i < count; ++i) {
    edges.push_back({below(random, states), random_label(random, shape), below(random, states)});
  }
  return built(edges, states, below(random, states));
}

lts::Lts bisimilar_variant(Random& random, const lts::Lts& original) {
  const std::uint32_t states = original.state_count();
  // Twice the states: state s + states is a copy of s, or a tau in front of it.
  std::vector<Edge> edges;
  const auto either = [&](StateId state) { return chance(random, 0.5) ? state : state + states; };
  std::vector<bool> in_front(states);
  for (StateId state = 0; state < states; ++state) in_front[state] = chance(random, 0.4);
  for (const Edge& edge : edges_of(original)) {
    edges.push_back({edge.from, edge.label, either(edge.to)});
    if (!in_front[edge.from]) edges.push_back({edge.from + states, edge.label, either(edge.to)});
  }
  for (StateId state = 0; state < states; ++state) {
    if (in_front[state]) edges.push_back({state + states, "tau", state});
  }
  std::vector<StateId> renumbered(2 * std::size_t{states});
  std::iota(renumbered.begin(), renumbered.end(), 0U);
  std::shuffle(renumbered.begin(), renumbered.end(), random);
  for (Edge& edge : edges) edge = {renumbered[edge.from], edge.label, renumbered[edge.to]};
  std::shuffle(edges.begin(), edges.end(), random);
  return built(edges, 2 * states, renumbered[either(original.initial_state())]);
}

lts::Lts mutated(Random& random, const lts::Lts& original) {
  std::vector<Edge> edges = edges_of(original);
  if (!edges.empty()) {
    const std::size_t victim = below(random, edges.size());
    switch (below(random, 3)) {
      case 0:
        edges[victim].label = edges[below(random, edges.size())].label;
        break;
      case 1:
        edges[victim].to = below(random, original.state_count());
        break;
      default:
        edges.erase(edges.begin() + static_cast<std::ptrdiff_t>(victim));
        break;
    }
  }
  return built(edges, original.state_count(), original.initial_state());
}

lts::Lts with_lone_label(Random& random, const lts::Lts& original) {
  std::vector<Edge> edges = edges_of(original);
  if (!edges.empty()) edges[below(random, edges.size())].label = "lone";
  return built(edges, original.state_count(), original.initial_state());
}

}  // namespace spex::test_support
