// Observing one step of an instance against the implementation model of its
// specification (semantics: "Observing a transition"), in two halves:
//
//   plan    decides, without any effect: accepted, refused, a deviation with its
//           verdict, or a check or a change of the model that has to end first
//   settle  after the record was stored: adds what was learned, publishes
//           what passed the error policy
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"
#include "conformance/transition.h"
#include "shard_worker/catalogue.h"
#include "shard_worker/checks.h"
#include "shard_worker/request.h"

namespace spex::shard_worker {

class Shard;

struct Step {
  store::SpecificationId specification;
  ActiveSpecification* active = nullptr;
  conformance::ModelTransition transition;
};

struct Plan {
  enum class Kind : std::uint8_t { go, refused, wait };
  Kind kind = Kind::go;
  bool model_missing = false;
  bool model_missing_accepted = false;
  // go: the deviation that is to be reported, if it is one, and whether the policy accepts it.
  std::optional<base::Reason> deviation;
  bool deviation_accepted = false;
  KnownJudgement judgement;  // of the deviation
  std::uint64_t ticket = 0;  // wait: of the check, or of the change of the model

  // What the request key remembers.
  std::uint8_t answered_reason() const;
};

// What is known of a deviation, or the ticket of the check that has to run first. Fails with overloaded.
struct Deviation {
  KnownJudgement judgement;
  std::uint64_t ticket = 0;
};
base::Result<Deviation> judge_deviation(Shard& shard, std::uint64_t client, const Step& step, ActiveModel& model);

// Fails, with no effect, with too_large (model_transitions_max) or overloaded (checks_queued_max).
base::Result<Plan> plan_observation(Shard& shard, std::uint64_t client, const Step& step);

// `sequence` is that of the stored record. The context of the error that was reported last, encoded.
base::Result<std::string> settle_observation(Shard& shard, Call& call, const Step& step, const Plan& plan,
                                             store::InstanceNumber number, std::uint32_t sequence);

}  // namespace spex::shard_worker
