// Stands in for spex-router and spex-shard-worker in the tests of the
// supervisor: speaks the channel's protocol and misbehaves on demand. What it
// shall do at its next start stands in <run_dir>/behaviour.<id>; what it did
// is appended to <run_dir>/events, one line each.
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>

#include "process/daemon_main.h"
#include "process/file_lock.h"

namespace {

using namespace spex;
using process::DaemonContext;
using process::DaemonExit;
using process::ExitCode;

class TestChild {
 public:
  explicit TestChild(DaemonContext& context) : context_(context) {
    const std::uint32_t shard = context.shard.value();
    id_ = shard == 0 ? "router" : "shard-" + std::to_string(shard);
    lock_path_ = shard == 0 ? context.config.run_dir + "/router.lock"
                            : context.config.data_dir + "/shard_" + std::to_string(shard) + ".lock";
    std::ifstream(context.config.run_dir + "/behaviour." + id_) >> behaviour_ >> argument_;
  }

  DaemonExit run() {
    note("start " + std::to_string(context_.incarnation.value()));
    auto lock = process::FileLock::try_acquire(lock_path_);
    if (!lock || !lock->lock) return {ExitCode::try_again, lock_path_ + " is locked"};
    if (behaviour_ == "exit") {
      context_.channel.failed("told to exit");
      ::_exit(argument_);
    }
    const bool slow = behaviour_ == "slow_start";
    if (slow || behaviour_ == "silent_start") ::poll(nullptr, 0, slow ? 0 : 60'000);
    for (int i = 0; slow && i < argument_; ++i) {
      context_.channel.progress();
      ::poll(nullptr, 0, 50);
    }
    context_.channel.ready();
    note("ready " + std::to_string(context_.incarnation.value()));
    return loop();
  }

 private:
  void note(const std::string& text) const {
    const std::string line = id_ + " " + text + "\n";
    const int fd =
        ::open((context_.config.run_dir + "/events").c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    if (fd < 0 || ::write(fd, line.data(), line.size()) < 0) ::_exit(1);
    ::close(fd);
  }

  DaemonExit loop() {
    while (true) {
      pollfd descriptors[] = {{context_.channel.fd(), POLLIN, 0}, {context_.signals.fd(), POLLIN, 0}};
      ::poll(descriptors, 2, static_cast<int>(context_.config.heartbeat_interval / 1'000));
      while (const auto command = context_.channel.receive()) on_command(*command);
      if (context_.channel.closed()) return {ExitCode::try_again, "the supervisor is gone"};
      if (context_.signals.next()) {
        note("terminate");
        if (behaviour_ != "ignore_term") return {};
      }
      if (behaviour_ == "exit_after_ready") ::_exit(argument_);
      if (behaviour_ != "mute") context_.channel.heartbeat("{\"turns\":" + std::to_string(++turns_) + "}");
    }
  }

  void on_command(const process::Command& command) {
    note(encode(command));
    const auto* up = std::get_if<process::ShardUp>(&command);
    if (up != nullptr && behaviour_ != "reach_nobody") context_.channel.reaches(up->shard, up->incarnation);
    if (std::holds_alternative<process::Drain>(command) && behaviour_ != "ignore_drain") context_.channel.drained();
    if (std::holds_alternative<process::Reload>(command)) {
      context_.channel.reloaded(R"({"problems":[{"file":"a.spex","line":3,"reason":"damaged"}]})");
    }
  }

  DaemonContext& context_;
  std::string id_;
  std::string lock_path_;
  std::string behaviour_;
  int argument_ = 0;
  int turns_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
  const std::string name = argc > 0 ? std::string(argv[0]) : "";
  const bool is_router = name.ends_with("spex-router");
  return process::daemon_main({is_router ? "spex-router" : "spex-shard-worker", !is_router}, argc, argv,
                              [](DaemonContext& context) { return TestChild(context).run(); });
}
