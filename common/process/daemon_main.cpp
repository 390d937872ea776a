#include "process/daemon_main.h"

#include <fcntl.h>
#include <signal.h>

#include <charconv>
#include <cstdio>
#include <optional>

#include "base/log.h"
#include "config/command_line.h"
#include "config/effective_config.h"

namespace spex::process {
namespace {

struct Arguments {
  std::string config_path;
  base::ShardId shard;
  base::Incarnation incarnation;
  bool help = false;
  bool version = false;
};

std::vector<config::Option> options_of(const DaemonInfo& info) {
  std::vector<config::Option> options{
      {"config", "FILE", "effective configuration, written by spexd"},
      {"incarnation", "K", "how many times spexd has started this child"},
      {"help", "", "show this text"},
      {"version", "", "show the version"},
  };
  if (info.takes_shard) options.push_back({"shard", "N", "number of the shard, from 1"});
  return options;
}

template <typename Id>
base::Result<Id> number_of(const config::CommandLine& line, std::string_view name) {
  typename Id::integer_type number = 0;
  const std::string text = line.value(name).value_or("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size() || number == 0) {
    return base::fail(base::Reason::invalid_argument, "--" + std::string(name) + " needs a positive number");
  }
  return Id(number);
}

base::Result<Arguments> parse(const DaemonInfo& info, int argc, char** argv) {
  SPEX_TRY_ASSIGN(const auto line, config::parse_command_line(options_of(info), {argv + 1, argv + argc}));
  Arguments arguments;
  arguments.help = line.has("help");
  arguments.version = line.has("version");
  if (arguments.help || arguments.version) return arguments;
  if (!line.words.empty() || line.has_rest) {
    return base::fail(base::Reason::invalid_argument, "takes options only, not words");
  }
  arguments.config_path = line.value("config").value_or("");
  if (arguments.config_path.empty()) return base::fail(base::Reason::invalid_argument, "--config is missing");
  SPEX_TRY_ASSIGN(arguments.incarnation, number_of<base::Incarnation>(line, "incarnation"));
  if (!info.takes_shard) return arguments;
  SPEX_TRY_ASSIGN(arguments.shard, number_of<base::ShardId>(line, "shard"));
  return arguments;
}

void set_identity(const DaemonInfo& info, const Arguments& arguments) {
  std::string identity = "process=" + info.program;
  if (info.takes_shard) identity += " shard=" + std::to_string(arguments.shard.value());
  base::set_log_identity(identity + " incarnation=" + std::to_string(arguments.incarnation.value()));
}

// The channel, if descriptor 3 is one: a daemon started by hand has none.
base::Result<ChildChannel> take_channel() {
  const int flags = ::fcntl(kChannelDescriptor, F_GETFL);
  if (flags < 0) {
    return base::fail(base::Reason::invalid_argument, "descriptor 3 is not open: this program is started by spexd");
  }
  ::fcntl(kChannelDescriptor, F_SETFD, FD_CLOEXEC);
  return ChildChannel(base::UniqueFd(kChannelDescriptor));
}

base::Result<DaemonContext> prepare(const DaemonInfo& info, const Arguments& arguments, ChildChannel channel,
                                    std::string& told) {
  ignore_failure_signals();
  const auto say = [&](const base::Error& error) {
    told = error.message;
    channel.failed(told);
    return error;
  };
  auto signals = SignalFd::create({SIGTERM, SIGINT});
  if (!signals) return say(signals.error());
  auto config = config::load_effective_config(arguments.config_path);
  if (!config) return say(config.error());
  base::set_log_level(config->log_level);
  auto layout = config::load_layout(config->data_dir);
  if (!layout) return say(layout.error());
  if (info.takes_shard && arguments.shard.value() > layout->distribution_factor) {
    return say(base::fail(base::Reason::invalid_argument, "shard " + std::to_string(arguments.shard.value()) +
                                                              " does not exist in a layout of " +
                                                              std::to_string(layout->distribution_factor)));
  }
  return DaemonContext{arguments.config_path, std::move(*config), std::move(*layout), arguments.shard,
                       arguments.incarnation, std::move(channel), std::move(*signals)};
}

int usage_error(const DaemonInfo& info, const std::string& reason) {
  std::fprintf(stderr, "%s: %s\n", info.program.c_str(), reason.c_str());
  return static_cast<int>(ExitCode::usage);
}

int finish(DaemonContext& context, const DaemonExit& end) {
  if (end.code == ExitCode::clean) {
    base::log(base::LogLevel::info, "stopped");
  } else {
    base::log(base::LogLevel::error, "failed",
              {{"reason", end.reason}, {"exit_code", std::to_string(static_cast<int>(end.code))}});
    context.channel.failed(end.reason);
  }
  return static_cast<int>(end.code);
}

}  // namespace

int daemon_main(const DaemonInfo& info, int argc, char** argv, const std::function<DaemonExit(DaemonContext&)>& body) {
  const auto arguments = parse(info, argc, argv);
  if (!arguments) return usage_error(info, arguments.error().message);
  if (arguments->help) {
    std::printf("%s is started by spexd.\n\n%s", info.program.c_str(),
                config::describe_options(options_of(info)).c_str());
    return 0;
  }
  if (arguments->version) {
    std::printf("%s %s\n", info.program.c_str(), SPEX_VERSION);
    return 0;
  }
  set_identity(info, *arguments);
  auto channel = take_channel();
  if (!channel) return usage_error(info, channel.error().message);
  std::string told;
  auto context = prepare(info, *arguments, std::move(*channel), told);
  if (!context) {
    base::log(base::LogLevel::error, "failed", {{"reason", told}});
    return static_cast<int>(ExitCode::configuration);
  }
  const DaemonExit end = body(*context);
  return finish(*context, end);
}

}  // namespace spex::process
