#include "lts/branching_bisimulation.h"

#include "base/assert.h"
#include "lts/reference_bisimulation.h"

namespace spex::lts {

base::Result<bool> bisimilar(const Lts& left, const Lts& right, Bisimilarity relation) {
  return reference_bisimilar(left, right, relation);
}

bool branching_bisimilar(const Lts& left, const Lts& right) { return bisimilar(left, right).value(); }

}  // namespace spex::lts
