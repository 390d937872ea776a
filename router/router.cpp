#include "router/router.h"

#include <poll.h>
#include <sys/resource.h>

#include <algorithm>
#include <optional>

#include "base/log.h"
#include "config/effective_config.h"
#include "config/resolve.h"
#include "process/file_lock.h"
#include "router/backend.h"
#include "router/control_forward.h"
#include "router/dispatcher.h"
#include "router/frontend.h"

namespace spex::router {
namespace {

using base::Duration;
using base::LogLevel;
using base::MonotonicTime;
using base::ShardId;
using process::DaemonContext;
using process::DaemonExit;
using process::ExitCode;

constexpr std::chrono::milliseconds kTick{10};  // the step of deadlines
constexpr std::chrono::seconds kSlowTick{1};    // paths, idle clients, holds
constexpr std::chrono::seconds kWaitMax{60};

// Every client is a descriptor; take what the system gives.
void raise_descriptor_limit() {
  rlimit limit = {};
  if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return;
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
}

class Router {
 public:
  Router(DaemonContext& context, transport::Context& zmq, Frontend frontend, protocol::SlotMap slots)
      : context_(context),
        reactor_(clock_),
        frontend_(std::move(frontend)),
        dispatcher_(context.config, context.layout, std::move(slots), context.incarnation, clock_.monotonic()),
        backend_(
            zmq, reactor_, clock_, dispatcher_, context.incarnation,
            [this](ShardId shard, base::Incarnation incarnation) { context_.channel.reaches(shard, incarnation); }),
        control_(reactor_, context.config.run_dir + "/control.sock") {}

  DaemonExit run();

 private:
  void watch();
  void every(Duration interval, std::function<void()> callback);
  void on_channel();
  void on_command(const process::Command& command);
  void reload();
  void slow_tick();
  void turn();
  void stop(ExitCode code, std::string reason);

  DaemonContext& context_;
  base::SystemClock clock_;
  transport::Reactor reactor_;
  Frontend frontend_;
  Dispatcher dispatcher_;
  Backend backend_;
  ControlForward control_;
  bool owes_drained_ = false;
  bool ticks_ = false;  // a timer for deadlines is set
  std::optional<DaemonExit> exit_;
};

void Router::stop(ExitCode code, std::string reason) {
  if (!exit_) exit_ = DaemonExit{code, std::move(reason)};
}

void Router::every(Duration interval, std::function<void()> callback) {
  reactor_.run_after(interval, [this, interval, callback] {
    callback();
    every(interval, callback);
  });
}

void Router::watch() {
  dispatcher_.set_control([this](std::string_view line, MonotonicTime deadline, Dispatcher::ControlDone done) {
    control_.ask(line, deadline, std::move(done));
  });
  reactor_.add(frontend_.socket(), [this] { return frontend_.on_ready(dispatcher_, clock_.monotonic()); });
  reactor_.add_fd(context_.channel.fd(), POLLIN, [this](short) { on_channel(); });
  reactor_.add_fd(context_.signals.fd(), POLLIN, [this](short) {
    while (context_.signals.next()) stop(ExitCode::clean, "");
  });
  // The heartbeat comes out of this loop and no other thread: it says that the loop turns.
  every(std::chrono::microseconds(context_.config.heartbeat_interval),
        [this] { context_.channel.heartbeat(dispatcher_.stats_json()); });
  every(kSlowTick, [this] { slow_tick(); });
}

void Router::on_channel() {
  context_.channel.flush();
  while (const auto command = context_.channel.receive()) on_command(*command);
  if (context_.channel.closed()) stop(ExitCode::try_again, "the supervisor is gone");
}

void Router::on_command(const process::Command& command) {
  ShardTable& shards = dispatcher_.shards();
  if (const auto* up = std::get_if<process::ShardUp>(&command)) {
    if (shards.knows(up->shard)) backend_.apply(up->shard, shards.on_up(*up, clock_.monotonic()));
  } else if (const auto* down = std::get_if<process::ShardDown>(&command)) {
    if (!shards.knows(down->shard)) return;
    base::log(LogLevel::info, "shard_down",
              {{"of_shard", std::to_string(down->shard.value())},
               {"of_incarnation", std::to_string(down->incarnation.value())},
               {"reason", process::name_of(down->reason)}});
    backend_.apply(down->shard, shards.on_down(*down, clock_.monotonic()));
  } else if (std::holds_alternative<process::Reload>(command)) {
    reload();
  } else {
    dispatcher_.begin_drain();
    owes_drained_ = true;
  }
}

void Router::reload() {
  const auto next = config::load_effective_config(context_.config_path);
  if (next) {
    config::apply_reloadable(context_.config, *next);
    base::set_log_level(context_.config.log_level);
    dispatcher_.reconfigure(context_.config);
  } else {
    base::log(LogLevel::error, "reload_refused", {{"reason", next.error().message}});
  }
  context_.channel.reloaded("{\"problems\":[]}");
}

void Router::slow_tick() {
  const MonotonicTime now = clock_.monotonic();
  dispatcher_.sweep(now);
  for (std::uint32_t n = 1; n <= dispatcher_.shards().size(); ++n) {
    backend_.apply(ShardId(n), dispatcher_.shards().on_time(ShardId(n), now));
  }
  const std::string lost = frontend_.lost_path();
  // Those who are connected would be served on, but nobody new would find us: start anew.
  if (!lost.empty()) stop(ExitCode::try_again, "somebody took over or removed " + lost);
}

// What one turn brought goes out together: one frame per shard, one message per client.
void Router::turn() {
  backend_.flush();
  dispatcher_.tell_async_clients();
  frontend_.flush(dispatcher_, clock_.monotonic());
  // Without a request in flight nobody waits for a deadline, and an idle router sleeps.
  if (!ticks_ && dispatcher_.has_deadlines()) {
    ticks_ = true;
    reactor_.run_after(kTick, [this] {
      ticks_ = false;
      dispatcher_.on_tick(clock_.monotonic());
    });
  }
  if (owes_drained_ && dispatcher_.is_idle()) {
    owes_drained_ = false;
    context_.channel.drained();
  }
}

DaemonExit Router::run() {
  watch();
  // The table of shards first, so that the first client finds what is known.
  on_channel();
  context_.channel.ready();
  base::log(LogLevel::info, "ready", {{"shards", std::to_string(dispatcher_.shards().size())}});
  while (!exit_) {
    reactor_.run_once(kWaitMax);
    turn();
  }
  return *exit_;
}

}  // namespace

DaemonExit run_router(DaemonContext& context) {
  raise_descriptor_limit();
  const std::string lock_path = context.config.run_dir + "/router.lock";
  auto attempt = process::FileLock::try_acquire(lock_path);
  if (!attempt) return {ExitCode::configuration, attempt.error().message};
  if (!attempt->lock) {
    return {ExitCode::try_again, lock_path + " is held by process " + std::to_string(attempt->holder)};
  }
  auto slots = protocol::SlotMap::create(context.layout.shard_of_slot, context.layout.distribution_factor);
  if (!slots) return {ExitCode::configuration, slots.error().message};
  transport::Context zmq;
  auto frontend = Frontend::open(zmq, context.config);
  if (!frontend) {
    const bool is_final = frontend.error().reason == base::Reason::invalid_argument;
    return {is_final ? ExitCode::configuration : ExitCode::try_again, frontend.error().message};
  }
  Router router(context, zmq, std::move(*frontend), std::move(*slots));
  return router.run();
}

}  // namespace spex::router
