#include "config/effective_config.h"

#include <set>

#include "config/atomic_file.h"
#include "config/parameters.h"
#include "config/resolve.h"

namespace spex::config {

std::string effective_config_path(const std::string& run_dir) { return run_dir + "/effective.conf"; }

std::string effective_config_text(const Config& config) {
  std::string text =
      "# Written by spexd at its start and at each reload; its children read it. Changes here are lost.\n";
  for (const Parameter& parameter : parameters()) {
    for (const std::string& value : parameter.get(config)) text += parameter.name + " = " + value + "\n";
  }
  return text;
}

base::Result<void> save_effective_config(const Config& config) {
  const std::string path = effective_config_path(config.run_dir);
  const std::string text = effective_config_text(config);
  // A working directory with a line break in its name, for instance, would not come back as it was.
  const Resolved back = resolve({{}, {}, parse_config_text(text, path)});
  if (!back.problems.empty()) {
    return base::fail(base::Reason::invalid_argument, "write effective configuration: " + to_string(back.problems[0]));
  }
  // It is made anew at every start, so it need not survive a loss of power.
  return replace_file(path, text, Sync::no);
}

base::Result<Config> load_effective_config(const std::string& path) {
  const ConfigFile file = read_config_file(path);
  Resolved resolved = resolve({{}, {}, file});
  std::set<std::string> present;
  for (const FileEntry& entry : file.entries) present.insert(entry.name);
  for (const Parameter& parameter : parameters()) {
    if (present.contains(parameter.name) || !resolved.problems.empty()) continue;
    resolved.problems.push_back({path, 0, parameter.name + " is missing"});
  }
  if (!resolved.problems.empty()) {
    return base::fail(base::Reason::invalid_argument, to_string(resolved.problems[0]));
  }
  return std::move(resolved.config);
}

}  // namespace spex::config
