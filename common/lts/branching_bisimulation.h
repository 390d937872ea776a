// Decides bisimilarity of the initial states of two LTSs.
//
// Actions are matched by label text, tau with tau; states that cannot be
// reached do not matter, nor do the names of states. Explains nothing:
// explanation.h does. Called for every deviation of a closed model, by `check`
// and by `compare`.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "lts/lts.h"

namespace spex::lts {

enum class Bisimilarity : std::uint8_t {
  branching,              // van Glabbeek and Weijland; divergence is ignored
  divergence_preserving,  // branching, and an infinite run of inert taus is answered by one
  strong,                 // tau is an action like any other
};

// Whether the initial states are bisimilar; never wrong, never "undecided". O(m log n) time and
// O(m) memory. Fails (too_large) only if both together have 2^32 - 1 states or 2^30 transitions.
base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation = Bisimilarity::branching);

// The same for LTSs known to be small enough.
bool branching_bisimilar(const Lts& left, const Lts& right);

}  // namespace spex::lts
