#include "supervisor/supervisor.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/log.h"
#include "config/effective_config.h"

namespace spex::supervisor {
namespace {

using process::DownReason;
using process::ExitCode;
using process::ReportKind;

// A sleep that overran by more than this was not the children's fault: the
// machine or this process stood still.
constexpr std::chrono::milliseconds kOversleepMin{500};
constexpr std::chrono::seconds kStatusInterval{5};
constexpr std::chrono::seconds kLongestSleep{60};
constexpr std::chrono::seconds kLastAnswers{1};

const std::vector<std::string> kHiddenFromChildren{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID",
                                                   "LISTEN_FDS",    "LISTEN_PID",    "LISTEN_FDNAMES"};

std::string text_of(base::Incarnation incarnation) { return std::to_string(incarnation.value()); }

}  // namespace

Supervisor::Supervisor(Options options, config::Config config, Foundation foundation, process::SignalFd signals,
                       ControlSocket control)
    : options_(std::move(options)),
      config_(std::move(config)),
      foundation_(std::move(foundation)),
      signals_(std::move(signals)),
      control_(std::move(control)),
      manager_(process::ServiceManager::from_environment()),
      started_(clock_.monotonic()),
      now_(started_),
      next_status_(started_),
      next_watchdog_(started_),
      random_(std::random_device{}()) {
  for (ChildSpec& spec : child_specs(config_.distribution_factor)) {
    if (spec.kind == ChildKind::router) router_ = children_.size();
    children_.emplace_back(std::move(spec), child_limits(config_));
  }
  processes_.resize(children_.size());
}

ExitCode Supervisor::run() {
  for (std::size_t i = 0; i < children_.size(); ++i) perform(i, children_[i].start(now_));
  while (!has_ended()) {
    report_to_service_manager();
    wait_for_events();
    handle_signals();
    // What the children said is heard before their silence is judged.
    handle_channels();
    handle_exits();
    handle_deadlines();
    handle_control();
    continue_stop();
    answer_waiting();
  }
  const auto deadline = clock_.monotonic() + kLastAnswers;
  while (!control_.idle() && clock_.monotonic() < deadline) {
    ::poll(nullptr, 0, 10);
    control_.service(clock_.monotonic());
  }
  return exit_code_;
}

base::MonotonicTime Supervisor::next_wake() const {
  base::MonotonicTime wake = now_ + kLongestSleep;
  const auto consider = [&](std::optional<base::MonotonicTime> at) {
    if (at && *at < wake) wake = *at;
  };
  for (const Child& child : children_) consider(child.deadline());
  for (const Waiting& waiting : waiting_) consider(waiting.deadline);
  if (reload_) consider(reload_->deadline);
  consider(control_.deadline());
  if (manager_.enabled()) consider(next_status_);
  if (manager_.watchdog_interval()) consider(next_watchdog_);
  return wake;
}

void Supervisor::wait_for_events() {
  std::vector<pollfd> descriptors;
  descriptors.reserve(2 * children_.size() + 8);
  descriptors.push_back({signals_.fd(), POLLIN, 0});
  control_.collect(descriptors);
  for (const Process& process : processes_) {
    if (process.pidfd) descriptors.push_back({process.pidfd.get(), POLLIN, 0});
    if (process.channel.fd() < 0 || process.channel.closed()) continue;
    const int events = POLLIN | (process.channel.wants_write() ? POLLOUT : 0);
    descriptors.push_back({process.channel.fd(), static_cast<short>(events), 0});
  }
  const base::MonotonicTime wake = next_wake();
  const auto left = std::chrono::ceil<std::chrono::milliseconds>(wake - clock_.monotonic()).count();
  ::poll(descriptors.data(), descriptors.size(), static_cast<int>(std::max<std::int64_t>(0, left)));
  now_ = clock_.monotonic();
  if (now_ - wake > kOversleepMin) {
    for (Child& child : children_) child.forgive(now_ - wake);
    base::log_limited(
        base::LogLevel::warning, "supervisor_was_held_up",
        {{"milliseconds", std::to_string(std::chrono::ceil<std::chrono::milliseconds>(now_ - wake).count())}});
  }
}

void Supervisor::handle_signals() {
  while (const auto number = signals_.next()) {
    if (*number == SIGHUP) {
      begin_reload(std::nullopt);
    } else {
      base::log(base::LogLevel::info, "stop_requested", {{"signal", ::sigabbrev_np(*number)}});
      begin_stop(ExitCode::clean);
    }
  }
}

void Supervisor::handle_control() {
  for (const ControlRequest& request : control_.service(now_)) on_request(request);
}

void Supervisor::handle_channels() {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    process::ChannelEnd& channel = processes_[i].channel;
    channel.flush();
    while (const auto message = channel.receive()) {
      if (const auto report = process::decode_report(*message)) {
        on_report(i, *report);
      } else {
        base::log_limited(base::LogLevel::warning, "unknown_report", {{"child", children_[i].spec().id}});
      }
    }
  }
}

void Supervisor::on_report(std::size_t index, const process::Report& report) {
  const Child& child = children_[index];
  switch (report.kind) {
    case ReportKind::ready:
      base::log(base::LogLevel::info, "child_ready",
                {{"child", child.spec().id}, {"incarnation", text_of(child.incarnation())}});
      break;
    case ReportKind::heartbeat:
      processes_[index].stats = report.text;
      break;
    case ReportKind::progress:
      if (!told_ready_) manager_.extend_timeout(std::chrono::microseconds(config_.startup_timeout));
      break;
    case ReportKind::failed:
      base::log(base::LogLevel::error, "child_failed", {{"child", child.spec().id}, {"reason", report.text}});
      break;
    case ReportKind::reloaded:
      if (reload_) {
        std::erase(reload_->outstanding, index);
        if (std::find(reload_->answers.begin(), reload_->answers.end(), report.text) == reload_->answers.end()) {
          reload_->answers.push_back(report.text);
        }
      }
      break;
    case ReportKind::drained:
      if (index == router_) router_drained_ = true;
      break;
    case ReportKind::reaches:
      if (index == router_) on_reached(report.text);
      break;
  }
  perform(index, children_[index].on_report(report, now_));
}

void Supervisor::on_reached(std::string_view text) {
  const auto reached = process::decode_reached(text);
  if (!reached) return base::log_limited(base::LogLevel::warning, "unknown_report", {{"text", text}});
  for (Child& child : children_) {
    if (child.spec().kind == ChildKind::shard && child.spec().shard == reached->shard)
      child.set_reached(reached->incarnation);
  }
}

void Supervisor::handle_exits() {
  for (std::size_t i = 0; i < processes_.size(); ++i) {
    Process& process = processes_[i];
    if (process.pid == 0) continue;
    const auto status = process::reap(process.pid);
    if (!status) continue;
    Child& child = children_[i];
    // What it said last may have come between the reading above and its end.
    while (const auto message = process.channel.receive()) {
      if (const auto report = process::decode_report(*message)) on_report(i, *report);
    }
    const bool expected = child.goal() != Goal::serve && status->clean();
    base::log(expected ? base::LogLevel::info : base::LogLevel::warning, "child_ended",
              {{"child", child.spec().id},
               {"incarnation", text_of(child.incarnation())},
               {"pid", std::to_string(process.pid)},
               {"status", to_string(*status)}});
    if (child.spec().kind == ChildKind::shard) remove_shard_socket(config_, child.spec().shard, child.incarnation());
    processes_[i] = Process{};
    perform(i, child.on_exit(*status, now_, std::uniform_real_distribution<double>()(random_)));
  }
}

void Supervisor::handle_deadlines() {
  for (std::size_t i = 0; i < children_.size(); ++i) {
    const ChildPhase before = children_[i].phase();
    const Actions actions = children_[i].on_deadline(now_);
    if (children_[i].phase() == ChildPhase::killing && before != ChildPhase::killing) {
      base::log(base::LogLevel::error, "child_killed",
                {{"child", children_[i].spec().id},
                 {"phase", name_of(before)},
                 {"reason", before == ChildPhase::stopping ? "does not end" : "no life sign"}});
    }
    perform(i, actions);
  }
}

void Supervisor::perform(std::size_t index, const Actions& actions) {
  for (const Action& action : actions) perform_one(index, action);
}

void Supervisor::perform_one(std::size_t index, const Action& action) {
  const Child& child = children_[index];
  const Process& process = processes_[index];
  switch (action.kind) {
    case ActionKind::spawn:
      return spawn_child(index);
    case ActionKind::drain:
      return send(index, process::Drain{});
    case ActionKind::terminate:
    case ActionKind::kill:
      if (process.pid > 0) ::kill(process.pid, action.kind == ActionKind::kill ? SIGKILL : SIGTERM);
      return;
    case ActionKind::announce_up:
      if (index == router_ && mode_ == Mode::draining) send(router_, process::Drain{});
      if (child.spec().kind != ChildKind::shard) return;
      return tell_router(process::ShardUp{child.spec().shard, child.incarnation(),
                                          shard_endpoint(config_, child.spec().shard, child.incarnation())});
    case ActionKind::announce_down:
      if (action.down == DownReason::parked) {
        base::log(base::LogLevel::error, "child_parked",
                  {{"child", child.spec().id}, {"last_exit", child.last_exit()}, {"reason", child.last_error()}});
      }
      if (child.spec().kind != ChildKind::shard) return;
      return tell_router(process::ShardDown{child.spec().shard, child.incarnation(), action.down});
    case ActionKind::escalate:
      base::log(base::LogLevel::error, "escalated",
                {{"child", child.spec().id}, {"last_exit", child.last_exit()}, {"reason", child.last_error()}});
      return begin_stop(ExitCode::try_again);
  }
}

void Supervisor::spawn_child(std::size_t index) {
  Child& child = children_[index];
  const bool is_shard = child.spec().kind == ChildKind::shard;
  auto channel = process::make_channel_pair();
  base::Result<process::SpawnedProcess> spawned = base::fail(base::Reason::storage_open, "no channel");
  if (channel) {
    process::SpawnRequest request;
    request.program = options_.program_dir + (is_shard ? "/spex-shard-worker" : "/spex-router");
    request.arguments = {"--config", config::effective_config_path(config_.run_dir), "--incarnation",
                         text_of(child.incarnation())};
    if (is_shard)
      request.arguments.insert(request.arguments.end(), {"--shard", std::to_string(child.spec().shard.value())});
    request.descriptors = {{channel->second.get(), process::kChannelDescriptor}};
    request.report_descriptor = process::kChannelDescriptor;
    request.without_environment = kHiddenFromChildren;
    spawned = process::spawn(request);
  } else {
    spawned = channel.error();
  }
  if (!spawned) {
    const std::string reason = spawned.error().message;
    base::log(base::LogLevel::error, "child_not_started", {{"child", child.spec().id}, {"reason", reason}});
    return perform(index, child.on_spawn_failure(reason, now_, std::uniform_real_distribution<double>()(random_)));
  }
  base::log(base::LogLevel::info, "child_started",
            {{"child", child.spec().id},
             {"incarnation", text_of(child.incarnation())},
             {"pid", std::to_string(spawned->pid)}});
  processes_[index] =
      Process{spawned->pid, std::move(spawned->pidfd), process::ChannelEnd(std::move(channel->first)), ""};
  if (index != router_) return;
  for (Child& other : children_) other.set_unreached();
  tell_router_everything();
}

void Supervisor::send(std::size_t index, const process::Command& command) {
  if (processes_[index].pid == 0) return;
  if (!processes_[index].channel.send(encode(command))) {
    // Its heartbeats end too if it does not read any more; the timeout replaces it, and a new router gets the whole
    // table.
    base::log_limited(base::LogLevel::warning, "channel_full", {{"child", children_[index].spec().id}});
  }
}

void Supervisor::tell_router(const process::Command& command) { send(router_, command); }

void Supervisor::tell_router_everything() {
  for (const Child& child : children_) {
    if (child.spec().kind != ChildKind::shard) continue;
    const base::ShardId shard = child.spec().shard;
    if (child.phase() == ChildPhase::running) {
      tell_router(process::ShardUp{shard, child.incarnation(), shard_endpoint(config_, shard, child.incarnation())});
    } else if (child.phase() == ChildPhase::parked) {
      tell_router(process::ShardDown{shard, child.incarnation(), DownReason::parked});
    } else if (child.goal() == Goal::restart) {
      tell_router(process::ShardDown{shard, child.incarnation(), DownReason::planned});
    } else if (child.phase() != ChildPhase::starting) {
      tell_router(process::ShardDown{shard, child.incarnation(), DownReason::restarting});
    }
  }
}

void Supervisor::begin_stop(ExitCode code) {
  if (mode_ == Mode::stopping) return;
  mode_ = Mode::stopping;
  exit_code_ = code;
  manager_.stopping("stopping");
}

void Supervisor::continue_stop() {
  if (mode_ != Mode::stopping) return;
  // A child that stops without a process ends its group at once: look again, at most once for each group and child.
  for (auto turn = next_to_stop(children_); !turn.empty(); turn = next_to_stop(children_)) {
    for (const std::size_t index : turn) perform(index, children_[index].stop(now_));
  }
}

bool Supervisor::has_ended() const {
  return mode_ == Mode::stopping && std::all_of(children_.begin(), children_.end(), [](const Child& child) {
           return child.phase() == ChildPhase::stopped && child.goal() == Goal::stop;
         });
}

void Supervisor::report_to_service_manager() {
  if (!manager_.enabled()) return;
  const std::string line = status_line(state(), children_);
  if (!told_ready_ && mode_ == Mode::serving && is_settled(children_)) {
    told_ready_ = true;
    manager_.ready(line);
  } else if (line != told_status_ || now_ >= next_status_) {
    manager_.status(line);
    next_status_ = now_ + kStatusInterval;
  }
  told_status_ = line;
  if (manager_.watchdog_interval() && now_ >= next_watchdog_) {
    manager_.watchdog();
    next_watchdog_ = now_ + std::chrono::duration_cast<base::MonotonicTime::duration>(*manager_.watchdog_interval());
  }
}

}  // namespace spex::supervisor
