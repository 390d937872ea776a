// Handlers: one function per operation. Each decodes its arguments, does its
// work on the shard and appends its answer, or puts the request aside. An error
// returned becomes the answer; it then had no effect. Called by Shard::execute only.
#pragma once

#include "base/result.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

using Handled = base::Result<Disposition>;

// instance_handlers.cpp
Handled init_instance(Shard& shard, Call& call);
Handled transition(Shard& shard, Call& call);
Handled mock_instance(Shard& shard, Call& call);
Handled get_instance(Shard& shard, Call& call);
Handled delete_instance(Shard& shard, Call& call);

// answer_again.cpp: the first answer to a request key, from outcome and history.
Handled answer_again(Shard& shard, Call& call, const store::StoredOutcome& outcome);

// listing_handlers.cpp
Handled all_instances(Shard& shard, Call& call);
Handled read_events(Shard& shard, Call& call);
Handled delete_instances(Shard& shard, Call& call);

// model_handlers.cpp
Handled all_impl_models(Shard& shard, Call& call);
Handled export_impl_models(Shard& shard, Call& call);
Handled set_learning_mode(Shard& shard, Call& call);
Handled import_impl_model(Shard& shard, Call& call);
Handled check_impl_model(Shard& shard, Call& call);
// Round 2 of a change of a model that was made before, under the same key: it shall not be made again.
base::Result<void> give_up_change(Shard& shard, const Call& call);

// specification_handlers.cpp
Handled define_specification(Shard& shard, Call& call);
Handled remove_specification(Shard& shard, Call& call);
Handled list_specifications(Shard& shard, Call& call);
Handled show_specification(Shard& shard, Call& call);

// Fails with invalid_argument, saying what the name was meant for.
base::Result<void> check_name_argument(std::string_view what, std::string_view name);
base::Error specification_not_found(std::string_view name);

}  // namespace spex::shard_worker
