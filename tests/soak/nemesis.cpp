#include "soak/nemesis.h"

#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cmath>
#include <filesystem>

#include "ctl/cluster_access.h"
#include "protocol/json.h"

namespace spex::soak {
namespace {

using protocol::Value;
using namespace std::chrono_literals;

constexpr auto kReadyPatience = 60s;
constexpr auto kTurn = 20ms;
constexpr std::int64_t kStepMicros = 20ll * 60 * 1'000'000;  // a clock is at most so far from the true time

base::UniqueFd pidfd_of(pid_t pid) { return base::UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0))); }
bool send_signal(const base::UniqueFd& process, int number) {
  return process && ::syscall(SYS_pidfd_send_signal, process.get(), number, nullptr, 0) == 0;
}

}  // namespace

Nemesis::Nemesis(NemesisOptions options)
    : options_(std::move(options)), random_(options_.seed), clock_(options_.dir + "/clock", options_.clock_shim) {
  std::filesystem::create_directories(options_.dir + "/specs");
  std::filesystem::create_directories(options_.dir + "/models");
  for (const char* name : {"ring", "learned"}) {
    test::write_whole_file(options_.dir + "/specs/" + name + ".spec", specification_text(name));
  }
  test::write_whole_file(options_.dir + "/models/ring.spex", closed_model_text("ring"));
}

// A stopped process would survive nobody: SIGKILL ends it as well.
Nemesis::~Nemesis() = default;

void Nemesis::launch() {
  const std::string& dir = options_.dir;
  test::ProgramOptions start;
  start.arguments = {options_.programs + "/spexd", "--data-dir", dir + "/data", "--run-dir", dir + "/run",
                     "--specs-dir", dir + "/specs", "--impl-models-dir", dir + "/models", "--distribution-factor",
                     std::to_string(options_.shards), "--durability", options_.durability,
                     // Faults come so fast here that no intensity would allow them.
                     "--max-restarts", "1000000", "--max-seconds", "5", "--backoff-min", "5ms", "--backoff-max", "50ms",
                     "--heartbeat-interval", "100ms", "--heartbeat-timeout", "1s", "--checkpoint-pages", "200",
                     "--request-key-window", "2h"};
  start.environment = clock_.environment();
  start.output_file = start.error_file = dir + "/log";
  supervisor_.reset();
  supervisor_.emplace(start);
}

bool Nemesis::start() {
  launch();
  return wait_ready(kReadyPatience);
}

bool Nemesis::wait_ready(std::chrono::seconds patience) {
  return test::eventually(
      [&] {
        resume(std::chrono::steady_clock::now());
        if (!supervisor_->running()) launch();  // its predecessor's children may not all have ended
        return state() == "ready";
      },
      patience);
}

Value Nemesis::control(const std::string& command) const {
  const auto answer = ctl::ask_control_socket(options_.dir + "/run", command, 2s);
  if (!answer) return {};
  auto parsed = protocol::parse_json(*answer);
  return parsed ? std::move(parsed).value() : Value();
}

std::string Nemesis::state() const {
  const Value status = control("status");
  const Value* cluster = status.find("cluster");
  const Value* state = cluster != nullptr ? cluster->find("state") : nullptr;
  return state != nullptr && state->string() != nullptr ? *state->string() : std::string();
}

base::UniqueFd Nemesis::process_of(const std::string& child) const {
  const Value status = control("status");
  const Value* children = status.find("children");
  if (children == nullptr || children->array() == nullptr) return {};
  for (const Value& each : *children->array()) {
    const Value* id = each.find("id");
    const Value* pid = each.find("pid");
    if (id == nullptr || id->string() == nullptr || *id->string() != child) continue;
    if (pid == nullptr || pid->integer() == nullptr || *pid->integer() <= 1) return {};
    return pidfd_of(static_cast<pid_t>(*pid->integer()));
  }
  return {};
}

bool Nemesis::signal_child(const std::string& child, int number) { return send_signal(process_of(child), number); }

void Nemesis::stop_for(base::UniqueFd process, std::chrono::milliseconds time) {
  if (send_signal(process, SIGSTOP)) stopped_.push_back({std::move(process), std::chrono::steady_clock::now() + time});
}

void Nemesis::resume(Time now) {
  std::erase_if(stopped_, [&](const Stopped& each) {
    if (now < each.until) return false;
    send_signal(each.process, SIGCONT);  // it may be gone
    return true;
  });
}

bool Nemesis::kill_supervisor() {
  supervisor_->signal(SIGKILL);
  return supervisor_->wait().has_value();
}

bool Nemesis::make_fault(Load& load, HistoryWriter& history) {
  const auto note = [&](const std::string& kind, const std::string& target) {
    history.fault({load.now(), kind, target});
    return true;
  };
  const std::uint64_t dice = between(0, options_.only_kills ? 59 : 99);
  const std::string shard = random_shard();
  if (dice < 45) return signal_child(shard, SIGKILL) && note("kill", shard);
  if (dice < 60) return signal_child("router", SIGKILL) && note("kill", "router");
  if (dice < 66) {
    if (!kill_supervisor()) return false;
    note("kill", "supervisor");
    launch();
    return wait_ready(kReadyPatience);
  }
  if (dice < 76) {
    // Below the heartbeat's time-out a pause, above it a death.
    const auto time = std::chrono::milliseconds(dice < 73 ? between(20, 400) : 1'500);
    stop_for(process_of(shard), time);
    return note(time > 1s ? "freeze" : "pause", shard);
  }
  if (dice < 80) {
    const auto time = std::chrono::milliseconds(dice < 79 ? between(20, 400) : 1'500);
    stop_for(process_of("router"), time);
    return note(time > 1s ? "freeze" : "pause", "router");
  }
  if (dice < 82) {
    stop_for(pidfd_of(supervisor_->pid()), std::chrono::milliseconds(between(50, 1'500)));
    return note("pause", "supervisor");
  }
  if (dice < 89) {
    clock_.set_offset(static_cast<std::int64_t>(between(0, 2 * kStepMicros)) - kStepMicros);
    return note("step", "clock");
  }
  if (dice < 96) {
    const auto client = static_cast<unsigned>(between(0, 5));
    load.drop_client(client);
    return note("drop", "client-" + std::to_string(client));
  }
  control("restart " + shard);
  return note("restart", shard);
}

void Nemesis::torment(Load& load, HistoryWriter& history, Time end,
                      const std::function<void(std::size_t faults)>& each_turn) {
  std::size_t faults = 0;
  std::exponential_distribution<double> pause(options_.faults_per_second);
  Time next = std::chrono::steady_clock::now();
  while (std::chrono::steady_clock::now() < end) {
    const Time now = std::chrono::steady_clock::now();
    resume(now);
    if (!supervisor_->running()) launch();
    if (now >= next) {
      faults += make_fault(load, history);
      // Measured from when it was due, so that slow faults do not lower the rate; not without bound.
      next = std::max(next, now - 5s) + std::chrono::microseconds(static_cast<std::int64_t>(1e6 * pause(random_)));
    }
    each_turn(faults);
    std::this_thread::sleep_for(std::min<Time::duration>(kTurn, std::max<Time::duration>(next - now, 0ms)));
  }
}

bool Nemesis::calm() {
  clock_.set_offset(0);
  for (Stopped& each : stopped_) each.until = {};
  return wait_ready(kReadyPatience);
}

bool Nemesis::crash_and_recover(Load& load, HistoryWriter& history) {
  if (!kill_supervisor()) return false;
  history.fault({load.now(), "kill", "supervisor"});
  launch();
  return wait_ready(kReadyPatience);
}

std::optional<int> Nemesis::stop() {
  supervisor_->signal(SIGTERM);
  return supervisor_->wait();
}

}  // namespace spex::soak
