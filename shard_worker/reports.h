// Reports: what is said about an error of an instance: to the caller, on the
// event stream, in the log and in the counters. Every error that an error policy
// governs passes through report_error(), accepted or not.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "conformance/transition.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

struct InstanceError {
  base::Reason reason;
  bool accepted = false;
  std::string_view specification;  // empty: belongs to none
  std::string_view identifier;     // canonical
  std::string context;             // encoded, for the caller
  std::optional<conformance::NamedTransition> deviating;
  std::uint32_t sequence = 0;   // the record concerned, 0: none
  std::string_view story = {};  // the explanation in words; empty: none
};

// Publishes (in the transaction of the moment), counts and logs. Fails as the store does.
base::Result<void> publish(Shard& shard, base::Timestamp now, const InstanceError& error);
// The same, and adds the error to the `reported` list of the call.
base::Result<void> report_error(Shard& shard, Call& call, const InstanceError& error);

// ---- Answers ----------------------------------------------------------------

void answer_ok(Call& call, std::string_view body = {});
void answer_error(Call& call, base::Reason reason, std::string_view context);
void answer_error(Call& call, const base::Error& error);

// ---- Contexts, encoded --------------------------------------------------------

// {"instance_identifier": id}
std::string identifier_context(std::string_view identifier);
// {"specification": name, "instance_identifier": id}
std::string model_context(std::string_view specification, std::string_view identifier);
// {"instance": …, "deviating_transition": …, "explanation"?}: the instance as of record `sequence`.
base::Result<std::string> deviation_context(Shard& shard, store::InstanceNumber number, std::uint32_t sequence,
                                            const conformance::NamedTransition& deviating,
                                            std::string_view explanation);  // encoded; empty: none

// The instance map as of record `as_of` (0: now), with at most `limit` records before record
// `before` (0: the newest).
base::Result<void> append_instance_map(Shard& shard, const store::Instance& instance, std::uint32_t as_of,
                                       std::uint32_t before, std::size_t limit, std::string& out);

}  // namespace spex::shard_worker
