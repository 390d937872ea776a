#include "config/resolve.h"

#include <algorithm>
#include <filesystem>
#include <string_view>

#include "config/parameters.h"

namespace spex::config {
namespace {

constexpr std::size_t kValueBytesMax = 4'096;

// The rules for every value, whatever its type: it must survive effective.conf.
std::string refuse_text(std::string_view value) {
  if (value.empty()) return "the value is empty";
  if (value.size() > kValueBytesMax) return "the value is longer than 4096 bytes";
  if (value.front() == ' ' || value.back() == ' ') return "the value begins or ends with a blank";
  const auto is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; };
  if (std::any_of(value.begin(), value.end(), is_control)) return "the value contains a control character";
  return "";
}

// Takes the values of one source; those of a repeatable parameter replace what lower sources gave.
class Layer {
 public:
  explicit Layer(Resolved& resolved) : resolved_(resolved) {}

  void set(const std::string& name, std::string_view value, const std::string& origin, const std::string& file,
           std::uint32_t line) {
    const Parameter* parameter = find_parameter(name);
    if (parameter == nullptr) return problem(file, line, "there is no parameter \"" + name + "\"");
    if (seen_.emplace(name, true).second) parameter->clear(resolved_.config);
    resolved_.origins[name] = origin;
    std::string reason = refuse_text(value);
    if (reason.empty()) {
      auto result = parameter->set(resolved_.config, value);
      if (!result) reason = result.error().message;
    }
    if (!reason.empty()) problem(file, line, name + ": " + reason);
  }

 private:
  void problem(const std::string& file, std::uint32_t line, std::string reason) {
    resolved_.problems.push_back({file, line, std::move(reason)});
  }

  Resolved& resolved_;
  std::map<std::string, bool> seen_;
};

void apply_file(const ConfigFile& file, Resolved& resolved) {
  resolved.problems.insert(resolved.problems.end(), file.problems.begin(), file.problems.end());
  Layer layer(resolved);
  for (const FileEntry& entry : file.entries) {
    layer.set(entry.name, entry.value, file.path + ":" + std::to_string(entry.line), file.path, entry.line);
  }
}

void apply_environment(const Assignments& environment, Resolved& resolved) {
  Layer layer(resolved);
  for (const auto& [name, value] : environment) {
    const Parameter* parameter = find_parameter(name);
    const std::string place = "environment " + (parameter != nullptr ? environment_name(*parameter) : name);
    if (parameter == nullptr || !parameter->repeatable) {
      layer.set(name, value, place, place, 0);
      continue;
    }
    std::string_view rest = value;  // several values are separated by commas
    while (true) {
      const auto comma = rest.find(',');
      layer.set(name, rest.substr(0, comma), place, place, 0);
      if (comma == std::string_view::npos) break;
      rest = rest.substr(comma + 1);
    }
  }
}

void apply_command_line(const Assignments& assignments, Resolved& resolved) {
  Layer layer(resolved);
  for (const auto& [name, value] : assignments) {
    const Parameter* parameter = find_parameter(name);
    const std::string place = "command line";
    layer.set(name, value, place, parameter != nullptr ? place + " " + option_name(*parameter) : place, 0);
  }
}

std::string absolute(const std::string& path, const std::string& working_directory) {
  std::string result = (std::filesystem::path(working_directory) / path).lexically_normal().string();
  while (result.size() > 1 && result.back() == '/') result.pop_back();
  return result;
}

}  // namespace

Assignments read_environment(const char* const* environment, std::vector<std::string>& unknown) {
  Assignments assignments;
  for (; *environment != nullptr; ++environment) {
    const std::string_view variable = *environment;
    const auto equals = variable.find('=');
    if (!variable.starts_with("SPEX_") || equals == std::string_view::npos) continue;
    const std::string name(variable.substr(0, equals));
    const std::string value(variable.substr(equals + 1));
    if (name == "SPEX_CONFIG") continue;  // names the file; read where --config is
    const auto& table = parameters();
    const auto found =
        std::find_if(table.begin(), table.end(), [&](const Parameter& p) { return environment_name(p) == name; });
    if (found == table.end()) {
      unknown.push_back(name);
    } else if (!value.empty()) {  // an empty variable counts as absent, as elsewhere
      assignments.emplace_back(found->name, value);
    }
  }
  return assignments;
}

Resolved resolve(const Sources& sources) {
  Resolved resolved;
  for (const Parameter& parameter : parameters()) resolved.origins[parameter.name] = "default";
  apply_file(sources.file, resolved);
  apply_environment(sources.environment, resolved);
  apply_command_line(sources.command_line, resolved);
  if (!resolved.problems.empty()) return resolved;  // the rules between values need sound values
  for (std::string& reason : check_consistency(resolved.config)) {
    resolved.problems.push_back({"configuration", 0, std::move(reason)});
  }
  return resolved;
}

void make_paths_absolute(Config& config, const std::string& working_directory) {
  for (std::string Config::*field : {&Config::data_dir, &Config::specs_dir, &Config::impl_models_dir}) {
    config.*field = absolute(config.*field, working_directory);
  }
  const std::string run_dir = absolute(config.run_dir, working_directory);
  if (run_dir.size() <= kRunDirBytesMax) config.run_dir = run_dir;
  if (config.endpoints.empty()) config.endpoints.push_back("ipc://" + config.run_dir + "/frontend.sock");
  for (std::string& endpoint : config.endpoints) {
    if (!endpoint.starts_with("ipc://") || endpoint[6] == '@') continue;  // @: abstract, has no directory
    const std::string path = absolute(endpoint.substr(6), working_directory);
    if (path.size() <= kIpcPathBytesMax) endpoint = "ipc://" + path;
  }
}

std::string print_config(const Resolved& resolved) {
  std::string text;
  for (const Parameter& parameter : parameters()) {
    for (const std::string& value : parameter.get(resolved.config)) {
      const std::string line = parameter.name + " = " + value;
      text += line + std::string(line.size() < 56 ? 56 - line.size() : 0, ' ') + "  # " +
              resolved.origins.at(parameter.name) + "\n";
    }
  }
  return text;
}

Difference difference(const Config& current, const Config& next) {
  Difference result;
  for (const Parameter& parameter : parameters()) {
    if (parameter.get(current) == parameter.get(next)) continue;
    (parameter.reloadable ? result.reloadable : result.needs_restart).push_back(parameter.name);
  }
  return result;
}

void apply_reloadable(Config& current, const Config& next) {
  for (const Parameter& parameter : parameters()) {
    if (!parameter.reloadable) continue;
    for (const std::string& value : parameter.get(next)) {
      const auto applied = parameter.set(current, value);
      SPEX_ASSERT(applied.ok());  // get() gives what set() reads
    }
  }
}

}  // namespace spex::config
