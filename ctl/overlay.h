// Overlay: one system, or an implementation laid over its specification, as a
// drawing.
//
// A node of the comparison is a pair of states that both sides reach by the same
// steps; where one side can do what the other cannot, silent steps before it
// included, the step is extra or missing and the node beyond it stands for one
// side alone. Of several possible partners of a step the bisimilar one is taken,
// so equivalent systems show no difference. Drawn breadth first from the start,
// the explanation's run first, up to a number of states that can still be read.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "base/result.h"
#include "ctl/drawing.h"
#include "lts/explanation.h"
#include "lts/lts.h"

namespace spex::ctl {

// Larger systems are cut, and much deeper than to these numbers: what is left of a large system is dense, and more
// would be a hairball.
inline constexpr std::size_t kDrawnNodesMax = 80;
inline constexpr std::size_t kDrawnEdgesMax = 250;
inline constexpr std::size_t kDrawnNodesOfCut = 25;

// How often a transition was seen: ×N behind its label; 0: not known.
using CountOf = std::function<std::uint64_t(lts::StateId from, lts::ActionId action, lts::StateId to)>;

Drawing draw_system(const lts::Lts& lts, const CountOf& count_of);

// `explanation` is why they differ (left: the implementation), or null.
base::Result<Drawing> draw_comparison(const lts::Lts& implementation, const lts::Lts& specification,
                                      const lts::Explanation* explanation, const CountOf& count_of);

}  // namespace spex::ctl
