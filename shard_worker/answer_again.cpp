#include "conformance/names.h"
#include "protocol/arguments.h"
#include "protocol/replies.h"
#include "shard_worker/handlers.h"
#include "shard_worker/observer.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::Reason;
using base::Result;
using conformance::NamedTransition;

// The specification that the first execution was about: that of the arguments, or of the instance.
std::string specification_of(Shard& shard, const Call& call) {
  using protocol::Operation;
  const Operation operation = call.header.operation->operation;
  if (operation == Operation::init_instance) {
    protocol::InitArguments arguments;
    if (protocol::decode(call.header.arguments, arguments)) return std::string(arguments.specification);
  }
  if (operation == Operation::mock_instance) {
    protocol::MockArguments arguments;
    if (protocol::decode(call.header.arguments, arguments)) return std::string(arguments.specification);
  }
  const auto number = shard.store.find(call.identifier);
  if (!number) return {};
  return std::string(shard.store.specification_name(shard.store.instance(*number).specification));
}

// The step that made record `sequence`, out of the history.
Result<NamedTransition> step_of(Shard& shard, store::InstanceNumber number, std::uint32_t sequence) {
  SPEX_TRY_ASSIGN(const auto records, shard.store.history(number, sequence + 1, 2));
  if (records.empty() || records[0].sequence != sequence) {
    return base::fail(Reason::storage_corrupt, "rebuild an answer: the record is not in the history");
  }
  store::NameId from;
  if (records.size() == 2) {
    from = records[1].to_state;
  } else {
    SPEX_TRY_ASSIGN(const auto details, shard.store.details(number));
    from = details.base_state;
  }
  return shard.catalogue.named({from.value(), records[0].action.value(), records[0].to_state.value()});
}

// Why the step of record `sequence` deviates, from the model as it is now: remembered, or asked for
// again (the ticket). Nothing where that model would not call it a deviation any more, or no check can run.
Deviation explain_again(Shard& shard, const Call& call, store::InstanceNumber number, const NamedTransition& named) {
  const auto id = shard.store.instance(number).specification;
  ActiveSpecification* active = shard.catalogue.specification(id);
  ActiveModel* model = shard.catalogue.model(id);
  const auto action = shard.store.find_name(named.action);
  const auto to = shard.store.find_name(named.to);
  const auto from =
      named.is_initialisation() ? store::NameId() : shard.store.find_name(named.from).value_or(store::NameId());
  if (active == nullptr || model == nullptr || model->model.learning() || !action || !to) return {};
  const Step step{id, active, {from.value(), action->value(), to->value()}};
  if (model->model.contains(step.transition)) return {};
  const auto deviation = judge_deviation(shard, call.incoming.client, step, *model);
  return deviation ? *deviation : Deviation();
}

// The context of a deviation once more, or the ticket of the check that it needs first.
struct ContextAgain {
  std::string context;
  std::uint64_t ticket = 0;
};

Result<ContextAgain> deviation_again(Shard& shard, const Call& call, Reason reason,
                                     const store::StoredOutcome& outcome) {
  // Deleted since, or another instance by now: the identifier is all that is left of it.
  const auto number = shard.store.instance_of(outcome);
  if (!number) return ContextAgain{identifier_context(call.identifier), 0};
  SPEX_TRY_ASSIGN(const auto step, step_of(shard, *number, outcome.sequence));
  Deviation why;
  if (reason == Reason::deviation_not_equivalent) why = explain_again(shard, call, *number, step);
  if (why.ticket != 0 && shard.waiting.size() < shard.config.queue_max) return ContextAgain{{}, why.ticket};
  ContextAgain again;
  SPEX_TRY_ASSIGN(again.context, deviation_context(shard, *number, outcome.sequence, step,
                                                   why.judgement ? why.judgement->explanation : std::string_view()));
  return again;
}

Result<ContextAgain> context_again(Shard& shard, const Call& call, Reason reason, const store::StoredOutcome& outcome) {
  if (reason == Reason::deviation_still_equivalent || reason == Reason::deviation_not_equivalent) {
    return deviation_again(shard, call, reason, outcome);
  }
  if (reason == Reason::impl_model_not_found) {
    return ContextAgain{model_context(specification_of(shard, call), call.identifier), 0};
  }
  return ContextAgain{identifier_context(call.identifier), 0};
}

void list_again(Call& call, Reason reason, std::string_view context) {
  protocol::append_error(call.reported, reason, context);
  ++call.reported_count;
}

}  // namespace

Handled answer_again(Shard& shard, Call& call, const store::StoredOutcome& outcome) {
  const auto answered = base::reason_from_number(outcome.reason);
  auto reported = base::reason_from_number(outcome.reported);
  // A governed refusal was reported, too; which one, the answer says itself.
  if (!reported && answered && *answered != Reason::impl_model_not_found &&
      conformance::ErrorPolicy::governs(*answered)) {
    reported = answered;
  }
  if (outcome.model_was_missing) {
    SPEX_TRY_ASSIGN(const auto again, context_again(shard, call, Reason::impl_model_not_found, outcome));
    list_again(call, Reason::impl_model_not_found, again.context);
  }
  ContextAgain again;
  const auto told = answered ? answered : reported;
  if (told && *told != Reason::specification_not_found) {
    SPEX_TRY_ASSIGN(again, context_again(shard, call, *told, outcome));
  }
  if (again.ticket != 0) {
    shard.waiting.add(again.ticket, call.identifier, call.incoming);
    return Disposition::waiting;
  }
  // An error that was answered and reported is the same one.
  if (reported) list_again(call, *reported, again.context);
  if (!answered) {
    answer_ok(call);
  } else if (*answered == Reason::specification_not_found) {
    answer_error(call, specification_not_found(specification_of(shard, call)));
  } else {
    answer_error(call, *answered, again.context);
  }
  return Disposition::answered;
}

}  // namespace spex::shard_worker
