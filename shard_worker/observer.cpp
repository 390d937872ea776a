#include "shard_worker/observer.h"

#include "shard_worker/reports.h"
#include "shard_worker/shard.h"

namespace spex::shard_worker {
namespace {

using base::fail;
using base::Reason;
using base::Result;
using conformance::Observation;

Result<void> learn(Shard& shard, const Step& step, base::Timestamp now) {
  ActiveModel* model = shard.catalogue.model(step.specification);
  if (model == nullptr) {
    SPEX_TRY(shard.store.replace_model({step.specification, true, "", {}}));
    model = &shard.catalogue.put_model(step.specification, conformance::ImplementationModel(true), "");
  }
  const bool had_sighted = model->model.has_sighted();
  const Observation observed = model->model.observe(step.transition, now);
  if (!had_sighted && model->model.has_sighted()) shard.sighted.push_back(step.specification);
  if (observed != Observation::learned) return {};
  const auto& [from, action, to] = step.transition;
  return shard.store.save_transition(step.specification,
                                     {store::NameId(from), store::NameId(action), store::NameId(to), 1, now, now});
}

}  // namespace

std::uint8_t Plan::answered_reason() const {
  if (kind == Kind::refused) return static_cast<std::uint8_t>(Reason::impl_model_not_found);
  return deviation && !deviation_accepted ? static_cast<std::uint8_t>(*deviation) : std::uint8_t{0};
}

Result<Deviation> judge_deviation(Shard& shard, std::uint64_t client, const Step& step, ActiveModel& model) {
  const CheckKey key{step.active->version, model.generation, model.model.version(), step.transition};
  if (auto known = shard.checks.known(key)) return Deviation{std::move(known), 0};
  auto ticket = shard.checks.running(key);
  if (!ticket) {
    ticket = shard.checks.start(
        key, client,
        {0, 0, step.active->specification, shard.catalogue.snapshot(model), shard.catalogue.named(step.transition)});
  }
  if (ticket) return Deviation{nullptr, *ticket};
  ++shard.counters.overloaded;
  return fail(Reason::overloaded, "check a deviation: too many bisimilarity checks are queued");
}

Result<Plan> plan_observation(Shard& shard, std::uint64_t client, const Step& step) {
  Plan plan;
  ActiveModel* model = shard.catalogue.model(step.specification);
  if (model == nullptr || (model->model.learning() && !model->model.contains(step.transition))) {
    // Nothing new is learned while all shards change the model together.
    if (const auto change = shard.changes.held(step.active->specification->name())) {
      plan.kind = Plan::Kind::wait;
      plan.ticket = *change;
      return plan;
    }
  }
  if (model == nullptr) {
    plan.model_missing = true;
    plan.model_missing_accepted =
        step.active->specification->options().error_policy.accepts(Reason::impl_model_not_found);
    if (!plan.model_missing_accepted) plan.kind = Plan::Kind::refused;
    return plan;
  }
  if (model->model.contains(step.transition)) return plan;
  if (!model->model.learning()) {
    SPEX_TRY_ASSIGN(const Deviation deviation, judge_deviation(shard, client, step, *model));
    plan.judgement = deviation.judgement;
    plan.ticket = deviation.ticket;
    if (!plan.judgement) {
      plan.kind = Plan::Kind::wait;
      return plan;
    }
    const auto& policy = step.active->specification->options().error_policy;
    plan.deviation =
        plan.judgement->equivalent() ? Reason::deviation_still_equivalent : Reason::deviation_not_equivalent;
    plan.deviation_accepted = policy.accepts(*plan.deviation);
    return plan;
  }
  if (model->model.size() >= shard.config.model_transitions_max) {
    return fail(Reason::too_large, "learn a transition: the model has model_transitions_max transitions");
  }
  return plan;
}

Result<std::string> settle_observation(Shard& shard, Call& call, const Step& step, const Plan& plan,
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
    if (!plan.model_missing_accepted) return std::move(error.context);
  }
  if (plan.deviation) {
    InstanceError error{
        *plan.deviation, plan.deviation_accepted, name, call.identifier, {}, shard.catalogue.named(step.transition),
        sequence};
    error.story = plan.judgement->story;
    SPEX_TRY_ASSIGN(error.context,
                    deviation_context(shard, number, sequence, *error.deviating, plan.judgement->explanation));
    SPEX_TRY(report_error(shard, call, error));
    return std::move(error.context);
  }
  const ActiveModel* model = shard.catalogue.model(step.specification);
  if (model == nullptr || model->model.learning()) SPEX_TRY(learn(shard, step, call.now.wall));
  return std::string();
}

}  // namespace spex::shard_worker
