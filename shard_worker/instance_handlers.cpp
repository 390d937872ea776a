#include "conformance/names.h"
#include "protocol/arguments.h"
#include "shard_worker/handlers.h"
#include "shard_worker/observer.h"
#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;

// Names that were interned once have been judged then.
Result<store::NameId> intern_argument(Shard& shard, std::string_view what, std::string_view name) {
  if (const auto known = shard.store.find_name(name)) return *known;
  SPEX_TRY(check_name_argument(what, name));
  return shard.store.intern(name);
}

// A definite refusal without effect: remembered under the request key, if there is one.
Result<void> remember(Shard& shard, const Call& call, Reason reason) {
  if (!call.key) return {};
  store::StoredOutcome outcome;
  outcome.reason = static_cast<std::uint8_t>(reason);
  return shard.store.remember(*call.key, outcome, call.now.wall);
}

Handled refuse(Shard& shard, Call& call, const base::Error& error) {
  SPEX_TRY(remember(shard, call, error.reason));
  answer_error(call, error);
  return Disposition::answered;
}

// The same for an error that a policy governs; accepted, it is an ok without effect.
Handled report_and_refuse(Shard& shard, Call& call, Reason reason, std::string_view specification,
                          const conformance::ErrorPolicy& policy) {
  InstanceError error{
      reason, policy.accepts(reason), specification, call.identifier, identifier_context(call.identifier), std::nullopt,
      0};
  SPEX_TRY(report_error(shard, call, error));
  if (error.accepted) {
    if (call.key) {
      store::StoredOutcome outcome;
      outcome.reported = static_cast<std::uint8_t>(reason);
      SPEX_TRY(shard.store.remember(*call.key, outcome, call.now.wall));
    }
    answer_ok(call);
  } else {
    SPEX_TRY(remember(shard, call, reason));
    answer_error(call, reason, error.context);
  }
  return Disposition::answered;
}

// The half of init and transition that is the same: plan, then `store_record`, then settle and answer.
template <typename StoreRecord>
Handled observe_and_store(Shard& shard, Call& call, const Step& step, StoreRecord store_record) {
  SPEX_TRY_ASSIGN(const Plan plan, plan_observation(shard, call.incoming.client, step));
  if (plan.kind == Plan::Kind::wait) {
    if (shard.waiting.size() >= shard.config.queue_max) {
      ++shard.counters.overloaded;
      return fail(Reason::overloaded, "observe a step: too many requests wait for a check");
    }
    shard.waiting.add(plan.ticket, call.identifier, call.incoming);
    return Disposition::waiting;
  }
  store::StoredOutcome outcome;
  outcome.reason = plan.answered_reason();
  outcome.reported = plan.deviation ? static_cast<std::uint8_t>(*plan.deviation) : std::uint8_t{0};
  outcome.model_was_missing = plan.model_missing;
  if (plan.kind == Plan::Kind::refused) {
    SPEX_TRY_ASSIGN(const std::string context, settle_observation(shard, call, step, plan, {}, 0));
    if (call.key) SPEX_TRY(shard.store.remember(*call.key, outcome, call.now.wall));
    answer_error(call, Reason::impl_model_not_found, context);
    return Disposition::answered;
  }
  store::InstanceNumber number;
  std::uint32_t sequence = 0;
  SPEX_TRY(store_record(outcome, number, sequence));
  SPEX_TRY_ASSIGN(const std::string context, settle_observation(shard, call, step, plan, number, sequence));
  const auto timeout = step.active->specification->options().transition_timeout;
  if (timeout.microseconds) shard.timeouts.record(number, call.now.monotonic, *timeout.microseconds);
  if (!plan.deviation || plan.deviation_accepted) {
    answer_ok(call);
  } else {
    answer_error(call, *plan.deviation, context);
  }
  return Disposition::answered;
}

}  // namespace

Result<void> check_name_argument(std::string_view what, std::string_view name) {
  const std::string_view problem = conformance::name_problem(name);
  if (problem.empty()) return {};
  return fail(Reason::invalid_argument,
              std::string(what) + " " + conformance::quoted(name) + " " + std::string(problem));
}

base::Error specification_not_found(std::string_view name) {
  return fail(Reason::specification_not_found, "no specification is called " + conformance::quoted(name))
      .with("specification", conformance::quoted(name).substr(1, conformance::quoted(name).size() - 2));
}

Handled init_instance(Shard& shard, Call& call) {
  protocol::InitArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const auto id = shard.store.find_specification(arguments.specification);
  ActiveSpecification* active = id ? shard.catalogue.specification(*id) : nullptr;
  if (active == nullptr) return refuse(shard, call, specification_not_found(arguments.specification));
  if (active->removing_until > call.now.monotonic) {
    return fail(Reason::overloaded, "init_instance: the specification is just being removed");
  }
  const conformance::Specification& specification = *active->specification;
  if (shard.store.find(call.identifier)) {
    return report_and_refuse(shard, call, Reason::instance_identifier_already_in_use, specification.name(),
                             specification.options().error_policy);
  }
  const std::string_view state =
      arguments.initial_state.empty() ? std::string_view(specification.initial_state()) : arguments.initial_state;
  SPEX_TRY_ASSIGN(const store::NameId to, intern_argument(shard, "initial_state", state));
  SPEX_TRY_ASSIGN(const store::NameId action, shard.store.intern(conformance::kInitialisationAction));
  const Step step{*id, active, {0, action.value(), to.value()}};
  const store::Record record{action, to, call.now.wall, arguments.occurred_at, 1};
  return observe_and_store(
      shard, call, step,
      [&](store::StoredOutcome& outcome, store::InstanceNumber& number, std::uint32_t& sequence) -> Result<void> {
        outcome.sequence = sequence = 1;
        SPEX_TRY_ASSIGN(number,
                        shard.store.create(call.identifier, *id, arguments.meta, record, call.key_or_null(), &outcome));
        return {};
      });
}

Handled transition(Shard& shard, Call& call) {
  protocol::TransitionArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const auto number = shard.store.find(call.identifier);
  if (!number) {
    SPEX_TRY(check_name_argument("action", arguments.action));
    SPEX_TRY(check_name_argument("to_state", arguments.to_state));
    return report_and_refuse(shard, call, Reason::instance_identifier_not_found, {}, conformance::ErrorPolicy());
  }
  const store::Instance instance = shard.store.instance(*number);
  ActiveSpecification* active = shard.catalogue.specification(instance.specification);
  if (active == nullptr) {
    return refuse(shard, call, specification_not_found(shard.store.specification_name(instance.specification)));
  }
  SPEX_TRY_ASSIGN(const store::NameId action, intern_argument(shard, "action", arguments.action));
  SPEX_TRY_ASSIGN(const store::NameId to, intern_argument(shard, "to_state", arguments.to_state));
  const Step step{instance.specification, active, {instance.current_state.value(), action.value(), to.value()}};
  store::Record record{action, to, call.now.wall, arguments.occurred_at, instance.transitions_total + 1};
  return observe_and_store(
      shard, call, step,
      [&](store::StoredOutcome& outcome, store::InstanceNumber& of, std::uint32_t& sequence) -> Result<void> {
        outcome.instance = of = *number;
        outcome.sequence = record.sequence;
        SPEX_TRY_ASSIGN(sequence, shard.store.append(*number, record, call.key_or_null(), &outcome));
        return {};
      });
}

Handled mock_instance(Shard& shard, Call& call) {
  protocol::MockArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const auto id = shard.store.find_specification(arguments.specification);
  const ActiveSpecification* active = id ? shard.catalogue.specification(*id) : nullptr;
  if (active == nullptr) return refuse(shard, call, specification_not_found(arguments.specification));
  if (active->removing_until > call.now.monotonic) {
    return fail(Reason::overloaded, "mock_instance: the specification is just being removed");
  }
  SPEX_TRY_ASSIGN(const store::NameId state, intern_argument(shard, "state", arguments.state));
  store::StoredOutcome outcome;
  auto mocked =
      shard.store.mock(call.identifier, *id, arguments.meta, state, call.now.wall, call.key_or_null(), &outcome);
  if (!mocked) return std::move(mocked).error();
  answer_ok(call);
  return Disposition::answered;
}

Handled get_instance(Shard& shard, Call& call) {
  protocol::GetArguments arguments;
  SPEX_TRY(protocol::decode(call.header.arguments, arguments));
  const auto number = shard.store.find(call.identifier);
  if (!number) {
    answer_error(call, Reason::instance_identifier_not_found, identifier_context(call.identifier));
    return Disposition::answered;
  }
  std::string body;
  SPEX_TRY(append_instance_map(shard, shard.store.instance(*number), 0, arguments.before, arguments.limit, body));
  answer_ok(call, body);
  return Disposition::answered;
}

Handled delete_instance(Shard& shard, Call& call) {
  if (const auto number = shard.store.find(call.identifier)) {
    store::StoredOutcome outcome;
    SPEX_TRY(shard.store.remove(*number, call.key_or_null(), &outcome));
  } else if (call.key) {
    SPEX_TRY(shard.store.remember(*call.key, {}, call.now.wall));
  }
  answer_ok(call);
  return Disposition::answered;
}

}  // namespace spex::shard_worker
