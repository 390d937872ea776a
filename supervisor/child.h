// Child: the state machine of one supervised process. Pure: events and time
// come in, actions go out; the supervisor's loop does them (supervisor.cpp).
//
//   stopped -> starting -> running -> draining -> stopping -> killing -> (ended)
//   (ended) -> backoff | parked -> starting          goal serve: restart policy
//   (ended) -> starting                              goal restart: planned
//   (ended) -> stopped                               goal stop
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/strong_id.h"
#include "config/config.h"
#include "process/spawn.h"
#include "process/supervisor_channel.h"
#include "supervisor/child_spec.h"
#include "supervisor/restart_policy.h"

namespace spex::supervisor {

enum class ChildPhase : std::uint8_t {
  stopped,   // no process, and none wanted
  starting,  // the process exists, and is not ready yet
  running,   // it serves
  draining,  // told to finish what it accepted
  stopping,  // SIGTERM sent
  killing,   // SIGKILL sent
  backoff,   // no process; started again soon
  parked,    // no process; retried rarely
};
std::string_view name_of(ChildPhase phase);

// What shall follow when the process has ended.
enum class Goal : std::uint8_t { serve, restart, stop };

enum class ActionKind : std::uint8_t {
  spawn,          // start the process with incarnation()
  drain,          // send Drain
  terminate,      // SIGTERM
  kill,           // SIGKILL
  announce_up,    // tell the router
  announce_down,  // tell the router, with `down`
  escalate,       // give up the whole service
};
struct Action {
  ActionKind kind;
  process::DownReason down = process::DownReason::restarting;
  bool operator==(const Action&) const = default;
};
using Actions = std::vector<Action>;

struct ChildLimits {
  RestartLimits restart;
  base::Duration heartbeat_timeout{};
  base::Duration startup_timeout{};
  base::Duration shutdown_timeout{};
};
ChildLimits child_limits(const config::Config& config);

class Child {
 public:
  Child(ChildSpec spec, const ChildLimits& limits) : spec_(std::move(spec)), limits_(limits) {}

  // Requests. Each is harmless in any phase.
  Actions start(base::MonotonicTime now);    // also out of backoff and parked, at once
  Actions stop(base::MonotonicTime now);     // in the end: stopped
  Actions restart(base::MonotonicTime now);  // planned: drain, end, start again; does not count as a failure

  // Events.
  Actions on_report(const process::Report& report, base::MonotonicTime now);
  Actions on_exit(const process::ExitStatus& status, base::MonotonicTime now, double chance);
  Actions on_spawn_failure(const std::string& reason, base::MonotonicTime now, double chance);
  Actions on_deadline(base::MonotonicTime now);  // call when deadline() is reached
  // The router: requests reach it in this incarnation; or, when a router is started, not yet.
  void set_reached(base::Incarnation incarnation);
  void set_unreached() { reached_ = 0; }
  // The supervisor itself was kept from running for `by`: silence in that time is not held against the child.
  void forgive(base::Duration by);
  void set_limits(const ChildLimits& limits) { limits_ = limits; }

  // When on_deadline() is due; nothing if no time matters.
  std::optional<base::MonotonicTime> deadline() const;

  const ChildSpec& spec() const { return spec_; }
  ChildPhase phase() const { return phase_; }
  Goal goal() const { return goal_; }
  base::Incarnation incarnation() const { return base::Incarnation(incarnation_); }
  bool has_process() const;
  // It runs and, for a shard, the router's requests reach it: only then is it of use to a client.
  bool serves() const;
  std::uint64_t restarts() const { return restarts_; }  // unplanned ones
  std::uint32_t restarts_in_window(base::MonotonicTime now) const;
  base::MonotonicTime last_heard() const { return last_heard_; }
  const std::string& last_exit() const { return last_exit_; }    // how it ended last; empty: it never did
  const std::string& last_error() const { return last_error_; }  // what it said before; empty: nothing

 private:
  Actions begin(base::MonotonicTime now);
  Actions terminate(base::MonotonicTime now);
  Actions kill_silent(base::MonotonicTime now);
  Actions on_failure(bool hopeless, base::MonotonicTime now, double chance);
  void enter(ChildPhase phase, base::MonotonicTime now);

  ChildSpec spec_;
  ChildLimits limits_;
  RestartPolicy policy_;
  ChildPhase phase_ = ChildPhase::stopped;
  Goal goal_ = Goal::serve;
  std::uint64_t incarnation_ = 0;
  std::uint64_t reached_ = 0;  // the incarnation that the router reaches; 0: none
  std::uint64_t restarts_ = 0;
  base::MonotonicTime entered_{};     // when the phase began
  base::MonotonicTime last_heard_{};  // any report
  std::optional<base::MonotonicTime> serving_since_;
  base::Duration pause_{};  // of backoff and parked
  std::string kill_reason_;
  std::string last_exit_;
  std::string said_;  // `failed` of the present process
  std::string last_error_;
};

// What the whole looks like, for status, systemd and the exit of `wait-ready`.
enum class ClusterState : std::uint8_t { starting, ready, degraded, draining, stopping };
std::string_view name_of(ClusterState state);
// `ready` only if every child serves; `starting` until one has failed. For a service that neither drains nor stops.
ClusterState state_of(const std::vector<Child>& children);
// Whether starting is over: each child serves, or is a shard that is parked.
bool is_settled(const std::vector<Child>& children);
// The children, by index, that must be told to stop now so that the order is
// kept: the router first, and when it has ended the shards, the last one first.
std::vector<std::size_t> next_to_stop(const std::vector<Child>& children);

}  // namespace spex::supervisor
