#include "supervisor/options.h"

#include <unistd.h>

#include <cstdlib>
#include <filesystem>

#include "base/log.h"
#include "config/parameters.h"

extern char** environ;  // NOLINT: POSIX declares it nowhere

namespace spex::supervisor {
namespace {

std::string value_name(const config::Parameter& parameter) {
  if (parameter.type == "path") return "DIR";
  if (parameter.type == "endpoint") return "ENDPOINT";
  if (parameter.type == "count") return "N";
  if (parameter.type == "size") return "SIZE";
  return parameter.type == "one of" ? "WORD" : "DURATION";
}

std::string help_of(const config::Parameter& parameter) {
  const auto values = parameter.get(config::Config{});
  std::string text = parameter.text;
  if (parameter.type == "one of") text += " One of " + parameter.bounds + ".";
  return text + (values.empty() ? "" : " Default: " + values.front() + ".");
}

std::vector<config::Option> make_options() {
  std::vector<config::Option> options{
      {"help", "", "Show this text.", 'h'},
      {"version", "", "Show the version."},
      {"config", "FILE", "Configuration file; also SPEX_CONFIG."},
      {"print-config", "", "Show every value and where it came from, start nothing."},
      {"check-config", "", "Judge the configuration, start nothing."},
      {"program-dir", "DIR", "Where spex-router and spex-shard-worker are. Default: beside spexd."},
  };
  for (const config::Parameter& parameter : config::parameters()) {
    config::Option option{config::option_name(parameter).substr(2), value_name(parameter), help_of(parameter)};
    option.repeatable = parameter.repeatable;
    option.is_switch = parameter.is_switch;
    options.push_back(std::move(option));
  }
  return options;
}

std::string own_directory() {
  std::error_code error;
  return std::filesystem::read_symlink("/proc/self/exe", error).parent_path().string();
}

}  // namespace

base::Result<Options> parse_options(const std::vector<std::string>& arguments) {
  SPEX_TRY_ASSIGN(const auto line, config::parse_command_line(make_options(), arguments));
  if (!line.words.empty() || line.has_rest) {
    return base::fail(base::Reason::invalid_argument,
                      "takes options only" + (line.words.empty() ? "" : ", not the word \"" + line.words[0] + "\""));
  }
  Options options;
  options.help = line.has("help");
  options.version = line.has("version");
  options.print_config = line.has("print-config");
  options.check_config = line.has("check-config");
  const char* file = std::getenv("SPEX_CONFIG");
  options.config_path = line.value("config").value_or(file != nullptr ? file : "");
  options.program_dir = line.value("program-dir").value_or(own_directory());
  for (const auto& [name, value] : line.options) {
    for (const config::Parameter& parameter : config::parameters()) {
      if (config::option_name(parameter) == "--" + name) options.assignments.emplace_back(parameter.name, value);
    }
  }
  return options;
}

std::string help_text() {
  return "usage: spexd [OPTIONS]\n\n"
         "Runs the cluster in the foreground: one router and one process per shard, restarted when they fail.\n"
         "SIGTERM or SIGINT ends it cleanly, SIGHUP reloads the configuration.\n\n" +
         config::describe_options(make_options()) +
         "\nEach of these but the first six can also be set in the environment (SPEX_DATA_DIR) and in the file\n"
         "(data_dir = …). Exit codes: 0 clean, 64 usage, 70 broken invariant, 75 try again, 78 configuration.\n";
}

config::Resolved load_configuration(const Options& options) {
  config::Sources sources;
  sources.command_line = options.assignments;
  std::vector<std::string> unknown;
  sources.environment = config::read_environment(environ, unknown);
  for (const std::string& name : unknown) {
    base::log(base::LogLevel::warning, "unknown_environment_variable", {{"name", name}});
  }
  if (!options.config_path.empty()) sources.file = config::read_config_file(options.config_path);
  config::Resolved resolved = config::resolve(sources);
  std::error_code error;
  const std::string here = std::filesystem::current_path(error).string();
  if (resolved.problems.empty() && !here.empty()) config::make_paths_absolute(resolved.config, here);
  return resolved;
}

}  // namespace spex::supervisor
