#include "conformance/names.h"
#include "protocol/arguments.h"
#include "protocol/replies.h"
#include "shard_worker/handlers.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::Reason;
using base::Result;

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
Result<conformance::NamedTransition> step_of(Shard& shard, store::InstanceNumber number, std::uint32_t sequence) {
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

// What is still known of the verdict; nothing after a restart or a change of the model.
std::string explanation_of(Shard& shard, store::InstanceNumber number, const conformance::NamedTransition& step) {
  const auto id = shard.store.instance(number).specification;
  const ActiveSpecification* active = shard.catalogue.specification(id);
  ActiveModel* model = shard.catalogue.model(id);
  const auto action = shard.store.find_name(step.action);
  const auto to = shard.store.find_name(step.to);
  const auto from =
      step.is_initialisation() ? store::NameId() : shard.store.find_name(step.from).value_or(store::NameId());
  if (active == nullptr || model == nullptr || !action || !to) return {};
  const auto* verdict = shard.checks.known(
      {active->version, model->generation, model->model.version(), {from.value(), action->value(), to->value()}});
  return verdict == nullptr ? std::string() : verdict->reason;
}

Result<std::string> context_again(Shard& shard, const Call& call, Reason reason, const store::StoredOutcome& outcome) {
  const bool deviation = reason == Reason::deviation_still_equivalent || reason == Reason::deviation_not_equivalent;
  if (deviation) {
    // Deleted since, or another instance by now: the identifier is all that is left of it.
    const auto number = shard.store.instance_of(outcome);
    if (!number) return identifier_context(call.identifier);
    SPEX_TRY_ASSIGN(const auto step, step_of(shard, *number, outcome.sequence));
    return deviation_context(shard, *number, outcome.sequence, step,
                             reason == Reason::deviation_not_equivalent ? explanation_of(shard, *number, step) : "");
  }
  if (reason == Reason::impl_model_not_found) return model_context(specification_of(shard, call), call.identifier);
  return identifier_context(call.identifier);
}

Result<void> list_again(Shard& shard, Call& call, Reason reason, const store::StoredOutcome& outcome) {
  SPEX_TRY_ASSIGN(const std::string context, context_again(shard, call, reason, outcome));
  protocol::append_error(call.reported, reason, context);
  ++call.reported_count;
  return {};
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
  if (outcome.model_was_missing) SPEX_TRY(list_again(shard, call, Reason::impl_model_not_found, outcome));
  if (reported) SPEX_TRY(list_again(shard, call, *reported, outcome));
  if (!answered) {
    answer_ok(call);
  } else if (*answered == Reason::specification_not_found) {
    answer_error(call, specification_not_found(specification_of(shard, call)));
  } else {
    SPEX_TRY_ASSIGN(const std::string context, context_again(shard, call, *answered, outcome));
    answer_error(call, *answered, context);
  }
  return Disposition::answered;
}

}  // namespace spex::shard_worker
