// Supervisor: the loop that executes what the state machines decide. It polls
// pidfds, channels, signals and the control socket, feeds each Child its
// events and does the actions that come back. No policy, no ZeroMQ, no
// SQLite; one thread, one place that blocks (poll).
#pragma once

#include <map>
#include <memory>
#include <random>
#include <string>
#include <vector>

#include "base/clock.h"
#include "process/readiness.h"
#include "process/signals.h"
#include "process/spawn.h"
#include "process/supervisor_channel.h"
#include "supervisor/child.h"
#include "supervisor/control_socket.h"
#include "supervisor/options.h"
#include "supervisor/startup.h"
#include "supervisor/status_document.h"

namespace spex::supervisor {

class Supervisor {
 public:
  Supervisor(Options options, config::Config config, Foundation foundation, process::SignalFd signals,
             ControlSocket control);
  // Runs until the service has ended; the exit code of spexd.
  process::ExitCode run();

 private:
  // The operating side of a child; the deciding side is children_[same index].
  struct Process {
    pid_t pid = 0;
    base::UniqueFd pidfd;
    process::ChannelEnd channel;
    std::string stats;
  };
  enum class Mode : std::uint8_t { serving, draining, stopping };
  // A client that waits for something to become true.
  struct Waiting {
    ConnectionId connection = 0;
    enum class For : std::uint8_t { drained, restarted } what = For::drained;
    std::size_t child = 0;
    base::Incarnation incarnation;  // restarted: a later one must serve
    base::MonotonicTime deadline;
  };
  struct ReloadRound {
    std::vector<std::size_t> outstanding;  // children that have not answered yet
    std::vector<std::string> answers;      // distinct ones
    std::vector<ConnectionId> clients;
    std::vector<std::string> changed;
    std::vector<std::string> needs_restart;
    base::MonotonicTime deadline;
  };

  // The loop.
  void wait_for_events();
  base::MonotonicTime next_wake() const;
  void handle_signals();
  void handle_control();
  void handle_channels();
  void handle_exits();
  void handle_deadlines();
  void report_to_service_manager();

  // Actions.
  void perform(std::size_t index, const Actions& actions);
  void perform_one(std::size_t index, const Action& action);
  void spawn_child(std::size_t index);
  void on_report(std::size_t index, const process::Report& report);
  void on_reached(std::string_view text);
  void tell_router(const process::Command& command);
  void tell_router_everything();
  void send(std::size_t index, const process::Command& command);
  void begin_stop(process::ExitCode code);
  void continue_stop();
  bool has_ended() const;

  // Administration (administration.cpp).
  void on_request(const ControlRequest& request);
  void begin_reload(std::optional<ConnectionId> client);
  void finish_reload();
  void begin_drain(ConnectionId client);
  void begin_restart(ConnectionId client, const std::string& child);
  void begin_backup(ConnectionId client, const std::string& argument);
  void answer_waiting();
  std::string status() const;
  ClusterState state() const;

  Options options_;
  config::Config config_;
  Foundation foundation_;
  process::SignalFd signals_;
  ControlSocket control_;
  process::ServiceManager manager_;
  base::SystemClock clock_;
  base::MonotonicTime started_;
  base::MonotonicTime now_;
  std::vector<Child> children_;
  std::vector<Process> processes_;
  std::size_t router_ = 0;  // its index
  Mode mode_ = Mode::serving;
  process::ExitCode exit_code_ = process::ExitCode::clean;
  bool told_ready_ = false;  // to the service manager
  bool router_drained_ = false;
  std::string told_status_;
  base::MonotonicTime next_status_;
  base::MonotonicTime next_watchdog_;
  std::vector<Waiting> waiting_;
  std::optional<ReloadRound> reload_;
  bool reload_again_ = false;
  std::vector<std::string> reload_problems_;
  std::mt19937_64 random_;
};

// Everything of main() after the command line: configuration, foundation, loop.
int supervise(const Options& options);

}  // namespace spex::supervisor
