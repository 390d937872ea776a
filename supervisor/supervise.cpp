// From the command line to the running loop.
#include <signal.h>

#include <cstdio>

#include "base/log.h"
#include "config/effective_config.h"
#include "config/parameters.h"
#include "supervisor/supervisor.h"

namespace spex::supervisor {
namespace {

using process::ExitCode;

int refuse(ExitCode code, const std::string& reason) {
  base::log(base::LogLevel::error, "not_started", {{"reason", reason}, {"exit_code", std::to_string(int(code))}});
  return static_cast<int>(code);
}

int start(const Options& options, config::Config config) {
  process::ignore_failure_signals();
  auto signals = process::SignalFd::create({SIGTERM, SIGINT, SIGHUP});
  if (!signals) return refuse(ExitCode::try_again, signals.error().message);
  Foundation foundation;
  if (const auto refused = prepare(config, foundation)) return refuse(refused->code, refused->reason);
  const auto saved = config::save_effective_config(config);
  if (!saved) {
    const bool full = saved.error().reason == base::Reason::storage_full;
    return refuse(full ? ExitCode::try_again : ExitCode::configuration, saved.error().message);
  }
  const std::string control_path = config.run_dir + "/control.sock";
  auto control = ControlSocket::open(control_path);
  if (!control) return refuse(ExitCode::configuration, control.error().message);
  base::log(base::LogLevel::info, "started",
            {{"version", SPEX_VERSION},
             {"shards", std::to_string(config.distribution_factor)},
             {"endpoint", config.endpoints.front()},
             {"data_dir", config.data_dir}});
  Supervisor supervisor(options, std::move(config), std::move(foundation), std::move(*signals), std::move(*control));
  const ExitCode code = supervisor.run();
  ::unlink(control_path.c_str());
  base::log(base::LogLevel::info, "stopped", {{"exit_code", std::to_string(int(code))}});
  return static_cast<int>(code);
}

}  // namespace

int supervise(const Options& options) {
  base::set_log_identity("process=spexd");
  config::Resolved resolved = load_configuration(options);
  for (const config::Problem& problem : resolved.problems) {
    std::fprintf(stderr, "spexd: %s\n", to_string(problem).c_str());
  }
  if (!resolved.problems.empty()) return static_cast<int>(ExitCode::configuration);
  if (options.print_config) {
    std::fputs(print_config(resolved).c_str(), stdout);
    return 0;
  }
  if (options.check_config) {
    std::puts("the configuration is fine");
    return 0;
  }
  base::set_log_level(resolved.config.log_level);
  return start(options, std::move(resolved.config));
}

}  // namespace spex::supervisor
