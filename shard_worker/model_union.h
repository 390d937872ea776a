// ModelUnion: the models of all shards put together, per specification: union
// of the transitions, `learning` if any shard says so. And the private form in
// which one shard hands its models to the second round:
//
//   [[specification, learning, [[from | nil, action, to, count, first, last], …]], …]
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conformance/implementation_model.h"
#include "conformance/transition.h"
#include "shard_worker/catalogue.h"

namespace spex::shard_worker {

struct UnitedModel {
  bool learning = false;
  std::map<conformance::NamedTransition, conformance::Sightings> transitions;

  std::vector<conformance::NamedTransition> sorted() const;  // by text line
};
using ModelUnion = std::map<std::string, UnitedModel>;

// The body of round 1: these models of the shard.
std::string encode_models(Catalogue& catalogue, const store::InstanceStore& names,
                          const std::vector<store::SpecificationId>& ids);
// The bodies of round 1 of all shards; malformed if they are not.
base::Result<ModelUnion> unite(std::string_view gathered);

// The same of a change of a model: each body is [number of the change, models].
struct GatheredChange {
  std::uint64_t number = 0;
  ModelUnion models;
};
base::Result<GatheredChange> unite_change(std::string_view gathered);

}  // namespace spex::shard_worker
