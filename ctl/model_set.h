// ModelSet: implementation models with what is known of each transition, from
// a file, a directory or a running cluster. Used by `models diff`, `export
// --min-count` and `graph`.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "conformance/transition.h"
#include "ctl/cluster_access.h"
#include "ctl/verb.h"

namespace spex::ctl {

// How often and when a transition was learned; zeros where that is not known, as for those from a file.
struct CountedTransition {
  conformance::NamedTransition transition;
  std::uint64_t count = 0;
  base::Timestamp first_at = 0;
  base::Timestamp last_at = 0;
};

struct CountedModel {
  std::string specification;
  bool learning = false;
  std::vector<CountedTransition> transitions;  // by text line
};

// Models by specification.
struct ModelSet {
  std::vector<CountedModel> models;
  client::Answer answer;  // of the cluster; of files: ok and nothing missing

  const CountedModel* find(const std::string& specification) const;
};

// From the answer to all_impl_models.
ModelSet model_set_of(client::Answer answer);
// `place` is a `.spex` file, a directory of them, an endpoint (`ipc://…`, `tcp://…`), or the name of a
// specification: then its model in the cluster of --endpoint. Files that cannot be read are errors; whether the
// cluster answered is said by `answer`.
base::Result<ModelSet> load_model_set(const Invocation& invocation, const std::string& place);

// "×12, 2026-01-01T… to 2026-01-02T…"; empty if the count is not known.
std::string sightings_text(const CountedTransition& transition);

}  // namespace spex::ctl
