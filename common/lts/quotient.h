// The classes of bisimilarity, and the quotient: the smallest system bisimilar
// to a given one.
//
// Unlike bisimilar(), which stops as soon as it knows, this refines to the end.
// Called by `spexctl reduce`, and by `spexctl graph --compare` to match states.
#pragma once

#include <cstdint>
#include <vector>

#include "base/result.h"
#include "lts/branching_bisimulation.h"
#include "lts/lts.h"

namespace spex::lts {

struct BisimilarityClasses {
  // By state; kNoState for those that the initial state does not reach. Two states, of whichever side, have the
  // same class if and only if they are bisimilar.
  std::vector<std::uint32_t> of_left;
  std::vector<std::uint32_t> of_right;
  std::uint32_t count = 0;
};

// O(m log n) time, O(m) memory. Fails as bisimilar() does.
base::Result<BisimilarityClasses> bisimilarity_classes(const Lts& left, const Lts& right,
                                                       Bisimilarity relation = Bisimilarity::branching);

// One state per class that the initial state reaches, numbered breadth first and named after the class's first
// state if states have names; no transition twice, none inert. A class that diverges keeps one tau to itself where
// the relation preserves divergence. Fails as bisimilar() does.
base::Result<Lts> quotient(const Lts& lts, Bisimilarity relation = Bisimilarity::branching);

}  // namespace spex::lts
