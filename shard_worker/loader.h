// Loading: from the store and the two directories into the catalogue, at start
// and on reload. What is wrong with a file becomes a problem of the shard
// (log, status); the rest serves.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "config/config.h"
#include "conformance/model_directory.h"
#include "shard_worker/request.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {

// Start: stored models, then both directories, then what is due when. The caller commits.
base::Result<void> load_all(Shard& shard, Now now);
// Reload: both directories again. A file that became bad keeps what it defined before.
base::Result<void> reload_directories(Shard& shard, Now now);
// The models as stored, after a failed commit.
base::Result<void> load_stored_models(Shard& shard);

base::Result<void> activate_specification(Shard& shard, conformance::SpecificationFile file);
// too_large past specification_transitions_max.
base::Result<void> check_specification_size(const config::Config& config,
                                            const conformance::Specification& specification);
// Replaces the model in the catalogue and in the store.
base::Result<void> install_model(Shard& shard, store::SpecificationId id, conformance::ImplementationModel model,
                                 const std::string& source_hash);
// Stores how often and when transitions were seen, for at most `limit` of those whose sightings changed.
base::Result<void> store_sightings(Shard& shard, std::size_t limit);

}  // namespace spex::shard_worker
