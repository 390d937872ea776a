// ModelDiff: which transitions two sets of models do not share. Pure; used by
// `models diff`.
#pragma once

#include <string>
#include <vector>

#include "ctl/model_set.h"
#include "protocol/value.h"

namespace spex::ctl {

struct ModelDifference {
  std::string specification;
  bool only_in_left = false;  // there is no model on the other side
  bool only_in_right = false;
  std::vector<CountedTransition> added;    // in right, not in left
  std::vector<CountedTransition> removed;  // in left, not in right
  std::size_t common = 0;

  bool is_different() const { return only_in_left || only_in_right || !added.empty() || !removed.empty(); }
};

// Models are matched by specification; if each side has one only, these two are compared whatever they are of.
std::vector<ModelDifference> compare_models(const ModelSet& left, const ModelSet& right);

std::string difference_text(const std::vector<ModelDifference>& differences);
protocol::Value difference_document(const std::vector<ModelDifference>& differences);

}  // namespace spex::ctl
