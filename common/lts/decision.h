// Decision: the verdict on two LTSs with what it was reached on, so that an
// explanation need not begin anew.
//
// For those who explain when the answer is no; bisimilar() is for the others.
#pragma once

#include <cstdint>

#include "base/result.h"
#include "lts/branching_bisimulation.h"
#include "lts/lts.h"
#include "lts/merged_graph.h"

namespace spex::lts {

struct Decision {
  Bisimilarity relation = Bisimilarity::branching;
  bool bisimilar = false;
  // The rounds of signatures after which the initial states differed; 0 if they do not or it was found out otherwise.
  // Without tau that is the level at which they are separated, see level_partition.h; with, it is a good guess.
  std::uint32_t rounds = 0;
  MergedGraph graph;
};

// As bisimilar().
base::Result<Decision> decide(const Lts& left, const Lts& right, Bisimilarity relation = Bisimilarity::branching);

}  // namespace spex::lts
