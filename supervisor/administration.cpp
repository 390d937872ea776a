// Supervisor: what is asked of it over the control socket and by SIGHUP.
#include <unistd.h>

#include <algorithm>
#include <utility>

#include "base/json_text.h"
#include "base/log.h"
#include "config/effective_config.h"
#include "supervisor/supervisor.h"

namespace spex::supervisor {
namespace {

constexpr std::chrono::seconds kReloadPatience{30};
constexpr std::chrono::seconds kRestartPatience{60};

std::string refused(std::string_view reason) { return "{\"ok\":false,\"error\":" + base::json_quote(reason) + "}"; }

std::string problem_json(const config::Problem& problem) {
  return "{\"file\":" + base::json_quote(problem.file) + ",\"line\":" + std::to_string(problem.line) +
         ",\"reason\":" + base::json_quote(problem.reason) + "}";
}

// The members of the array "problems" in a child's answer {"problems":[…]}; the child is ours and writes no blanks.
std::string_view problems_in(std::string_view answer) {
  constexpr std::string_view head = "{\"problems\":[";
  if (!answer.starts_with(head) || !answer.ends_with("]}")) return {};
  return answer.substr(head.size(), answer.size() - head.size() - 2);
}

}  // namespace

ClusterState Supervisor::state() const {
  switch (mode_) {
    case Mode::stopping:
      return ClusterState::stopping;
    case Mode::draining:
      return ClusterState::draining;
    case Mode::serving:
      break;
  }
  return state_of(children_);
}

std::string Supervisor::status() const {
  std::vector<ProcessFacts> processes;
  for (const Process& process : processes_) processes.push_back({process.pid, process.stats});
  ClusterFacts facts{foundation_.layout.cluster_id, state(), ::getpid(), now_ - started_, foundation_.problems};
  facts.problems.insert(facts.problems.end(), reload_problems_.begin(), reload_problems_.end());
  return status_json(config_, facts, children_, processes, now_);
}

void Supervisor::on_request(const ControlRequest& request) {
  const auto blank = request.line.find(' ');
  const std::string verb = request.line.substr(0, blank);
  const std::string argument = blank == std::string::npos ? "" : request.line.substr(blank + 1);
  if (verb == "status" && argument.empty()) {
    control_.answer(request.connection, status());
  } else if (verb == "reload" && argument.empty()) {
    begin_reload(request.connection);
  } else if (verb == "restart" && !argument.empty()) {
    begin_restart(request.connection, argument);
  } else if (verb == "backup" && !argument.empty()) {
    begin_backup(request.connection, argument);
  } else if (verb == "drain" && argument.empty()) {
    begin_drain(request.connection);
  } else if (verb == "stop" && argument.empty()) {
    base::log(base::LogLevel::info, "stop_requested", {{"by", "control socket"}});
    control_.answer(request.connection, "{\"ok\":true,\"pid\":" + std::to_string(::getpid()) + "}");
    begin_stop(process::ExitCode::clean);
  } else {
    control_.answer(request.connection,
                    refused("unknown command \"" + request.line +
                            "\": known are status, reload, restart CHILD, backup CHILD TOKEN RATE, drain, stop"));
  }
}

void Supervisor::begin_reload(std::optional<ConnectionId> client) {
  if (reload_ || mode_ != Mode::serving) {
    if (client) control_.answer(*client, refused(reload_ ? "a reload is under way" : "the service is ending"));
    reload_again_ = reload_again_ || !client;  // a signal must not be lost: files may have changed since
    return;
  }
  if (told_ready_) manager_.reloading(now_);
  config::Resolved resolved = load_configuration(options_);
  reload_problems_.clear();
  ReloadRound round;
  if (client) round.clients.push_back(*client);
  if (resolved.problems.empty()) {
    const config::Difference changes = config::difference(config_, resolved.config);
    config::apply_reloadable(config_, resolved.config);
    const auto saved = config::save_effective_config(config_);
    if (!saved) reload_problems_.push_back(saved.error().message);
    round.changed = changes.reloadable;
    round.needs_restart = changes.needs_restart;
    base::set_log_level(config_.log_level);
    for (Child& child : children_) child.set_limits(child_limits(config_));
  }
  // A wrong file changes nothing here, but the models and specifications are still looked at again.
  for (const config::Problem& problem : resolved.problems) {
    reload_problems_.push_back("reload refused: " + to_string(problem));
    round.answers.push_back("{\"problems\":[" + problem_json(problem) + "]}");
    base::log(base::LogLevel::error, "reload_refused", {{"reason", to_string(problem)}});
  }
  for (std::size_t i = 0; i < children_.size(); ++i) {
    if (children_[i].phase() != ChildPhase::running) continue;
    round.outstanding.push_back(i);
    send(i, process::Reload{});
  }
  round.deadline = now_ + kReloadPatience;
  reload_ = std::move(round);
}

void Supervisor::finish_reload() {
  if (!reload_) return;
  // A child that has ended meanwhile starts with the new files anyway.
  std::erase_if(reload_->outstanding, [&](std::size_t i) { return children_[i].phase() != ChildPhase::running; });
  if (!reload_->outstanding.empty() && now_ < reload_->deadline) return;
  const ReloadRound round = std::move(*reload_);
  reload_.reset();
  std::string problems;
  for (const std::string& answer : round.answers) {
    const std::string_view members = problems_in(answer);
    if (!members.empty()) problems += (problems.empty() ? "" : ",") + std::string(members);
  }
  std::vector<std::string> silent;
  for (const std::size_t i : round.outstanding) silent.push_back(children_[i].spec().id);
  const bool ok = reload_problems_.empty() && silent.empty();
  const std::string answer = "{\"ok\":" + std::string(ok ? "true" : "false") +
                             (ok ? "" : ",\"error\":\"the reload was refused or is incomplete\"") +
                             ",\"changed\":" + json_list(round.changed) +
                             ",\"needs_restart\":" + json_list(round.needs_restart) +
                             ",\"unanswered\":" + json_list(silent) + ",\"problems\":[" + problems + "]}";
  base::log(base::LogLevel::info, "reloaded", {{"result", answer}});
  for (const ConnectionId client : round.clients) control_.answer(client, answer);
  if (told_ready_) manager_.ready(status_line(state(), children_));
  if (std::exchange(reload_again_, false)) begin_reload(std::nullopt);
}

void Supervisor::begin_drain(ConnectionId client) {
  if (mode_ == Mode::stopping) return control_.answer(client, refused("the service is ending"));
  if (mode_ == Mode::serving) {
    mode_ = Mode::draining;
    router_drained_ = false;
    base::log(base::LogLevel::info, "draining");
    send(router_, process::Drain{});
  }
  waiting_.push_back({client, Waiting::For::drained, router_, {}, now_ + kRestartPatience});
}

void Supervisor::begin_restart(ConnectionId client, const std::string& id) {
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const Child& child) { return child.spec().id == id; });
  if (found == children_.end()) return control_.answer(client, refused("there is no child \"" + id + "\""));
  if (mode_ == Mode::stopping) return control_.answer(client, refused("the service is ending"));
  const auto index = static_cast<std::size_t>(found - children_.begin());
  base::log(base::LogLevel::info, "restart_requested", {{"child", id}});
  waiting_.push_back({client, Waiting::For::restarted, index, found->incarnation(), now_ + kRestartPatience});
  perform(index, found->restart(now_));
}

// "shard-3 TOKEN RATE": the shard copies its file; how far it has come is in its statistics, under the token.
void Supervisor::begin_backup(ConnectionId client, const std::string& argument) {
  const auto blank = argument.find(' ');
  const std::string id = argument.substr(0, blank);
  const auto command =
      blank == std::string::npos ? std::nullopt : process::decode_command("backup " + argument.substr(blank + 1));
  const auto found =
      std::find_if(children_.begin(), children_.end(), [&](const Child& child) { return child.spec().id == id; });
  const auto index = static_cast<std::size_t>(found - children_.begin());
  if (!command || found == children_.end() || index == router_) {
    return control_.answer(client, refused("backup takes a shard, a token and a rate, not \"" + argument + "\""));
  }
  if (found->phase() != ChildPhase::running) {
    return control_.answer(client, refused(id + " is " + std::string(name_of(found->phase()))));
  }
  send(index, *command);
  control_.answer(client, "{\"ok\":true,\"child\":" + base::json_quote(id) + "}");
}

void Supervisor::answer_waiting() {
  finish_reload();
  std::erase_if(waiting_, [&](const Waiting& waiting) {
    const Child& child = children_[waiting.child];
    const bool restarted = child.serves() && child.incarnation() > waiting.incarnation;
    const bool done = waiting.what == Waiting::For::drained ? router_drained_ : restarted;
    if (done) {
      control_.answer(waiting.connection, "{\"ok\":true,\"child\":" + base::json_quote(child.spec().id) +
                                              ",\"incarnation\":" + std::to_string(child.incarnation().value()) + "}");
      return true;
    }
    const bool hopeless = waiting.what == Waiting::For::restarted && child.phase() == ChildPhase::parked;
    if (!hopeless && now_ < waiting.deadline && mode_ != Mode::stopping) return false;
    control_.answer(waiting.connection, refused(child.spec().id + " is " + std::string(name_of(child.phase())) +
                                                (child.last_error().empty() ? "" : ": " + child.last_error())));
    return true;
  });
}

}  // namespace spex::supervisor
