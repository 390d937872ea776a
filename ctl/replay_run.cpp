#include "ctl/replay_run.h"

#include <chrono>
#include <utility>

namespace spex::ctl {
namespace {

bool is_deviation(const client::Answer& answer) {
  return answer.is(base::Reason::deviation_not_equivalent) || answer.is(base::Reason::deviation_still_equivalent);
}

}  // namespace

ReplayRun::ReplayRun(const CaseLog& log, client::Client& cluster, ReplayOptions options)
    : log_(log), cluster_(cluster), options_(std::move(options)), cases_(log.cases.size()), begins_(log.cases.size()) {
  std::vector<bool> seen(log.cases.size(), false);
  for (const LogEvent& event : log.events) {
    if (seen[event.case_number]) continue;
    seen[event.case_number] = true;
    begins_[event.case_number] = event.occurred_at;
  }
}

void ReplayRun::send(const ReplayStep& step, ReplayPlan& plan) {
  client::Request request;
  if (step.event) {
    const LogEvent& event = log_.events[*step.event];
    request =
        client::transition(identifier(step.case_number), log_.activity(event), log_.state(event), event.occurred_at);
  } else {
    client::InitOptions options;
    options.initial_state = kStartState;
    options.occurred_at = begins_[step.case_number];
    request = client::init_instance(options_.specification, identifier(step.case_number), options);
  }
  cluster_.submit(std::move(request), [this, step, &plan](client::Answer& answer) { on_answer(step, plan, answer); });
}

void ReplayRun::on_answer(const ReplayStep& step, ReplayPlan& plan, const client::Answer& answer) {
  ++steps_;
  deviations_.add(answer, log_.cases[step.case_number]);
  ReplayedCase& one = cases_[step.case_number];
  const bool took_effect = answer.ok || is_deviation(answer);
  if (took_effect && step.event) {
    ++totals_.events;
    one.events.push_back(*step.event);
  } else if (took_effect) {
    one.initialised = true;
  } else if (!step.event && answer.is(base::Reason::instance_identifier_already_in_use)) {
    one.existed = true;
    ++totals_.existing;
  } else {
    ++totals_.failed;
    if (answer.origin == client::Origin::no_reply && step.event) one.uncertain.push_back(*step.event);
    if (answer.origin == client::Origin::unreachable) unreachable_ = true;
    if (totals_.first_failure.empty()) {
      totals_.first_failure = "case " + log_.cases[step.case_number] + ": " + answer.to_text();
    }
  }
  plan.done(step.case_number, took_effect);
}

void ReplayRun::run(std::uint32_t first, std::uint32_t last, const std::function<void(std::uint64_t)>& on_progress) {
  ReplayPlan plan(log_, first, last);
  const auto begin = std::chrono::steady_clock::now();
  while (!plan.finished() && !unreachable_) {
    while (cluster_.outstanding() < options_.window) {
      const auto step = plan.next();
      if (!step) break;
      send(*step, plan);
    }
    cluster_.poll(std::chrono::milliseconds(100));
    on_progress(steps_);
  }
  cluster_.wait_all();
  totals_.skipped += plan.skipped_events();
  totals_.seconds += std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
}

}  // namespace spex::ctl
