#include "supervisor/child.h"

#include <algorithm>
#include <functional>
#include <utility>

#include "base/assert.h"
#include "base/duration.h"

namespace spex::supervisor {
namespace {

using process::DownReason;

constexpr int kExitUsage = 64;
constexpr int kExitConfiguration = 78;

std::string duration_text(base::Duration duration) {
  return base::format_duration({std::chrono::duration_cast<std::chrono::microseconds>(duration).count()});
}

base::Duration microseconds(std::int64_t count) { return std::chrono::microseconds(count); }

}  // namespace

std::string_view name_of(ChildPhase phase) {
  switch (phase) {
    case ChildPhase::stopped:
      return "stopped";
    case ChildPhase::starting:
      return "starting";
    case ChildPhase::running:
      return "running";
    case ChildPhase::draining:
      return "draining";
    case ChildPhase::stopping:
      return "stopping";
    case ChildPhase::killing:
      return "killing";
    case ChildPhase::backoff:
      return "backoff";
    case ChildPhase::parked:
      return "parked";
  }
  return "";
}

ChildLimits child_limits(const config::Config& config) {
  return {restart_limits(config), microseconds(config.heartbeat_timeout), microseconds(config.startup_timeout),
          microseconds(config.shutdown_timeout)};
}

bool Child::has_process() const {
  switch (phase_) {
    case ChildPhase::stopped:
    case ChildPhase::backoff:
    case ChildPhase::parked:
      return false;
    case ChildPhase::starting:
    case ChildPhase::running:
    case ChildPhase::draining:
    case ChildPhase::stopping:
    case ChildPhase::killing:
      return true;
  }
  return false;
}

bool Child::serves() const {
  return phase_ == ChildPhase::running && (spec_.kind == ChildKind::router || reached_ == incarnation_);
}

void Child::set_reached(base::Incarnation incarnation) { reached_ = incarnation.value(); }

std::uint32_t Child::restarts_in_window(base::MonotonicTime now) const {
  return policy_.restarts_in_window(limits_.restart, now);
}

Actions Child::start(base::MonotonicTime now) {
  if (has_process()) return {};
  if (phase_ != ChildPhase::stopped) ++restarts_;
  goal_ = Goal::serve;
  return begin(now);
}

Actions Child::stop(base::MonotonicTime now) {
  goal_ = Goal::stop;
  switch (phase_) {
    case ChildPhase::stopped:
    case ChildPhase::draining:
    case ChildPhase::stopping:
    case ChildPhase::killing:
      return {};  // already on its way; the goal says where to
    case ChildPhase::backoff:
    case ChildPhase::parked:
      enter(ChildPhase::stopped, now);
      return {};
    case ChildPhase::starting:
      return terminate(now);
    case ChildPhase::running:
      break;
  }
  // Nobody sends to a shard any more when it is stopped; the router has accepted requests to finish.
  if (spec_.kind == ChildKind::shard) {
    Actions actions = terminate(now);
    actions.insert(actions.begin(), {ActionKind::announce_down, DownReason::stopped});
    return actions;
  }
  enter(ChildPhase::draining, now);
  return {{ActionKind::drain}};
}

Actions Child::restart(base::MonotonicTime now) {
  if (goal_ == Goal::stop) return {};
  switch (phase_) {
    case ChildPhase::stopped:
    case ChildPhase::backoff:
    case ChildPhase::parked:
      return start(now);
    case ChildPhase::draining:
    case ChildPhase::stopping:
    case ChildPhase::killing:
      return {};  // it is being replaced already
    case ChildPhase::starting:
      goal_ = Goal::restart;
      return terminate(now);
    case ChildPhase::running:
      break;
  }
  goal_ = Goal::restart;
  enter(ChildPhase::draining, now);
  return {{ActionKind::announce_down, DownReason::planned}, {ActionKind::drain}};
}

Actions Child::on_report(const process::Report& report, base::MonotonicTime now) {
  switch (report.kind) {
    case process::ReportKind::ready:
      last_heard_ = now;
      if (phase_ != ChildPhase::starting) return {};
      enter(ChildPhase::running, now);
      serving_since_ = now;
      return {{ActionKind::announce_up}};
    case process::ReportKind::progress:
    case process::ReportKind::reloaded:
      last_heard_ = now;
      return {};
    case process::ReportKind::heartbeat:
      // Before READY only progress counts: a start that turns its loop and gets nowhere must end some day.
      if (phase_ != ChildPhase::starting) last_heard_ = now;
      return {};
    case process::ReportKind::reaches:  // of others; see set_reached()
      return {};
    case process::ReportKind::failed:
      said_ = report.text;
      return {};
    case process::ReportKind::drained:
      last_heard_ = now;
      return phase_ == ChildPhase::draining ? terminate(now) : Actions{};
  }
  return {};
}

Actions Child::on_exit(const process::ExitStatus& status, base::MonotonicTime now, double chance) {
  SPEX_ASSERT(has_process());
  last_exit_ = to_string(status) + (kill_reason_.empty() ? "" : ": " + kill_reason_);
  kill_reason_.clear();
  last_error_ = std::exchange(said_, "");
  switch (goal_) {
    case Goal::stop:
      enter(ChildPhase::stopped, now);
      return {};
    case Goal::restart:
      goal_ = Goal::serve;
      return begin(now);
    case Goal::serve:
      break;
  }
  const bool is_over =
      spec_.restart == RestartType::temporary || (spec_.restart == RestartType::transient && status.clean());
  if (is_over) {
    enter(ChildPhase::stopped, now);
    return {{ActionKind::announce_down, DownReason::stopped}};
  }
  const bool hopeless = status.signal == 0 && (status.code == kExitUsage || status.code == kExitConfiguration);
  return on_failure(hopeless, now, chance);
}

Actions Child::on_spawn_failure(const std::string& reason, base::MonotonicTime now, double chance) {
  SPEX_ASSERT(phase_ == ChildPhase::starting);
  last_exit_ = "not started";
  last_error_ = reason;
  return on_failure(false, now, chance);
}

Actions Child::on_failure(bool hopeless, base::MonotonicTime now, double chance) {
  const RestartDecision decision =
      policy_.on_failure(limits_.restart, {now, serving_since_, hopeless, spec_.may_park, chance});
  serving_since_.reset();
  pause_ = decision.delay;
  switch (decision.kind) {
    case RestartKind::restart:
      enter(ChildPhase::backoff, now);
      return {{ActionKind::announce_down, DownReason::restarting}};
    case RestartKind::park:
      enter(ChildPhase::parked, now);
      return {{ActionKind::announce_down, DownReason::parked}};
    case RestartKind::escalate:
      enter(ChildPhase::stopped, now);
      return {{ActionKind::announce_down, DownReason::stopped}, {ActionKind::escalate}};
  }
  return {};
}

Actions Child::on_deadline(base::MonotonicTime now) {
  const auto due = deadline();
  if (!due || now < *due) return {};
  switch (phase_) {
    case ChildPhase::stopped:
    case ChildPhase::killing:
      return {};
    case ChildPhase::starting:
    case ChildPhase::running:
      return kill_silent(now);
    case ChildPhase::draining:
      return terminate(now);
    case ChildPhase::stopping:
      kill_reason_ = "still there " + duration_text(limits_.shutdown_timeout) + " after SIGTERM";
      enter(ChildPhase::killing, now);
      return {{ActionKind::kill}};
    case ChildPhase::backoff:
    case ChildPhase::parked:
      ++restarts_;
      return begin(now);
  }
  return {};
}

void Child::forgive(base::Duration by) {
  const auto shift = std::chrono::duration_cast<base::MonotonicTime::duration>(by);
  last_heard_ += shift;
  if (has_process()) entered_ += shift;
}

std::optional<base::MonotonicTime> Child::deadline() const {
  const auto after = [](base::MonotonicTime from, base::Duration by) {
    return from + std::chrono::duration_cast<base::MonotonicTime::duration>(by);
  };
  switch (phase_) {
    case ChildPhase::stopped:
    case ChildPhase::killing:
      return std::nullopt;
    case ChildPhase::starting:
      return after(last_heard_, limits_.startup_timeout);
    case ChildPhase::running:
      return after(last_heard_, limits_.heartbeat_timeout);
    case ChildPhase::draining:
    case ChildPhase::stopping:
      return after(entered_, limits_.shutdown_timeout);
    case ChildPhase::backoff:
    case ChildPhase::parked:
      return after(entered_, pause_);
  }
  return std::nullopt;
}

Actions Child::begin(base::MonotonicTime now) {
  enter(ChildPhase::starting, now);
  ++incarnation_;
  last_heard_ = now;
  serving_since_.reset();
  return {{ActionKind::spawn}};
}

Actions Child::terminate(base::MonotonicTime now) {
  enter(ChildPhase::stopping, now);
  return {{ActionKind::terminate}};
}

Actions Child::kill_silent(base::MonotonicTime now) {
  const bool was_running = phase_ == ChildPhase::running;
  kill_reason_ = "silent for " + duration_text(was_running ? limits_.heartbeat_timeout : limits_.startup_timeout) +
                 (was_running ? "" : " before it was ready");
  enter(ChildPhase::killing, now);
  // SIGKILL, not SIGABRT: a stopped process, the likeliest silent one, would keep a pending SIGABRT for ever.
  return {{ActionKind::announce_down, DownReason::restarting}, {ActionKind::kill}};
}

void Child::enter(ChildPhase phase, base::MonotonicTime now) {
  phase_ = phase;
  entered_ = now;
}

std::string_view name_of(ClusterState state) {
  switch (state) {
    case ClusterState::starting:
      return "starting";
    case ClusterState::ready:
      return "ready";
    case ClusterState::degraded:
      return "degraded";
    case ClusterState::draining:
      return "draining";
    case ClusterState::stopping:
      return "stopping";
  }
  return "";
}

ClusterState state_of(const std::vector<Child>& children) {
  const auto starts_well = [](const Child& child) {
    const bool is_up = child.phase() == ChildPhase::running || child.phase() == ChildPhase::starting;
    return is_up && child.incarnation().value() == 1;
  };
  if (std::all_of(children.begin(), children.end(), std::mem_fn(&Child::serves))) return ClusterState::ready;
  return std::all_of(children.begin(), children.end(), starts_well) ? ClusterState::starting : ClusterState::degraded;
}

bool is_settled(const std::vector<Child>& children) {
  return std::all_of(children.begin(), children.end(), [](const Child& child) {
    return child.serves() || (child.spec().kind == ChildKind::shard && child.phase() == ChildPhase::parked);
  });
}

std::vector<std::size_t> next_to_stop(const std::vector<Child>& children) {
  const bool router_ended = std::none_of(children.begin(), children.end(), [](const Child& child) {
    return child.spec().kind == ChildKind::router && child.phase() != ChildPhase::stopped;
  });
  std::vector<std::size_t> result;
  for (std::size_t i = children.size(); i-- > 0;) {
    const bool is_turn = router_ended || children[i].spec().kind == ChildKind::router;
    if (is_turn && !(children[i].goal() == Goal::stop)) result.push_back(i);
  }
  return result;
}

}  // namespace spex::supervisor
