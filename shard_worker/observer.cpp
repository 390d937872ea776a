#include "shard_worker/observer.h"

#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using conformance::Observation;

void decide(Plan& plan, const conformance::Verdict& verdict, const conformance::ErrorPolicy& policy) {
  plan.deviation = verdict.equivalent() ? Reason::deviation_still_equivalent : Reason::deviation_not_equivalent;
  plan.deviation_accepted = policy.accepts(*plan.deviation);
  plan.explanation = verdict.reason;
}

Result<Plan> plan_deviation(Shard& shard, std::uint64_t client, const Step& step, ActiveModel& model) {
  Plan plan;
  const CheckKey key{step.active->version, model.generation, model.model.version(), step.transition};
  if (const auto* verdict = shard.checks.known(key)) {
    decide(plan, *verdict, step.active->specification->options().error_policy);
    return plan;
  }
  auto ticket = shard.checks.running(key);
  if (!ticket) {
    ticket = shard.checks.start(
        key, client,
        {0, step.active->specification, shard.catalogue.snapshot(model), shard.catalogue.named(step.transition)});
  }
  if (!ticket) {
    ++shard.counters.overloaded;
    return fail(Reason::overloaded, "check a deviation: too many bisimilarity checks are queued");
  }
  plan.kind = Plan::Kind::wait;
  plan.ticket = *ticket;
  return plan;
}

Result<void> learn(Shard& shard, const Step& step, base::Timestamp now) {
  ActiveModel* model = shard.catalogue.model(step.specification);
  if (model == nullptr) {
    SPEX_TRY(shard.store.replace_model({step.specification, true, "", {}}));
    model = &shard.catalogue.put_model(step.specification, conformance::ImplementationModel(true), "");
  }
  if (model->model.observe(step.transition, now) != Observation::learned) return {};
  const auto& [from, action, to] = step.transition;
  return shard.store.save_transition(step.specification,
                                     {store::NameId(from), store::NameId(action), store::NameId(to), 1, now, now});
}

}  // namespace

std::uint8_t Plan::answered_reason() const {
  if (kind == Kind::refused) return static_cast<std::uint8_t>(Reason::impl_model_not_found);
  return deviation && !deviation_accepted ? static_cast<std::uint8_t>(*deviation) : std::uint8_t{0};
}

Result<Plan> plan_observation(Shard& shard, std::uint64_t client, const Step& step) {
  Plan plan;
  ActiveModel* model = shard.catalogue.model(step.specification);
  if (model == nullptr) {
    plan.model_missing = true;
    plan.model_missing_accepted =
        step.active->specification->options().error_policy.accepts(Reason::impl_model_not_found);
    if (!plan.model_missing_accepted) plan.kind = Plan::Kind::refused;
    return plan;
  }
  if (model->model.contains(step.transition)) return plan;
  if (!model->model.learning()) return plan_deviation(shard, client, step, *model);
  if (model->model.size() >= shard.config.model_transitions_max) {
    return fail(Reason::too_large, "learn a transition: the model has model_transitions_max transitions");
  }
  return plan;
}

Result<void> settle_observation(Shard& shard, Call& call, const Step& step, const Plan& plan,
                                store::InstanceNumber number, std::uint32_t sequence) {
  const std::string_view name = step.active->specification->name();
  if (plan.model_missing) {
    InstanceError error{Reason::impl_model_not_found,
                        plan.model_missing_accepted,
                        name,
                        call.identifier,
                        model_context(name, call.identifier),
                        std::nullopt,
                        sequence};
    SPEX_TRY(report_error(shard, call, error));
    if (!plan.model_missing_accepted) return {};
  }
  if (plan.deviation) {
    InstanceError error{
        *plan.deviation, plan.deviation_accepted, name, call.identifier, {}, shard.catalogue.named(step.transition),
        sequence};
    SPEX_TRY_ASSIGN(error.context, deviation_context(shard, number, sequence, *error.deviating, plan.explanation));
    return report_error(shard, call, error);
  }
  const ActiveModel* model = shard.catalogue.model(step.specification);
  if (model != nullptr && !model->model.learning()) return {};
  return learn(shard, step, call.now.wall);
}

}  // namespace spex::shard_worker
