// From sources to a Config: command line > environment > file > default, the
// origin of each value kept. Used by the supervisor at start and on SIGHUP and
// by `spexd --print-config`; children never resolve, they load effective.conf.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "config/config.h"
#include "config/config_file.h"

namespace spex::config {

// Values by parameter name, in the order given.
using Assignments = std::vector<std::pair<std::string, std::string>>;

struct Sources {
  Assignments command_line;
  Assignments environment;
  ConfigFile file;  // empty path: no file
};

struct Resolved {
  Config config;
  // By parameter name, for people: "command line", "environment SPEX_DATA_DIR", "/etc/spexd.conf:12", "default".
  std::map<std::string, std::string> origins;
  std::vector<Problem> problems;  // not empty: `config` must not be used
};

// The SPEX_… variables of `environment` (a null-terminated array of NAME=value)
// that are parameters; names of SPEX_… variables that are none go to `unknown`.
Assignments read_environment(const char* const* environment, std::vector<std::string>& unknown);

// Judges every value and the rules between them. Never touches the file system.
Resolved resolve(const Sources& sources);

// Makes the paths independent of the working directory, where `working_directory`
// is absolute. A run_dir whose absolute form is longer than kRunDirBytesMax
// stays as it was given, because sockets in it could not be bound otherwise
// (children inherit the working directory). Fills `endpoints` if it is empty.
void make_paths_absolute(Config& config, const std::string& working_directory);

// `name = value   # origin` for every parameter, as `spexd --print-config` shows it.
std::string print_config(const Resolved& resolved);

// The names of the parameters whose values differ, and the same split by whether SIGHUP may apply them.
struct Difference {
  std::vector<std::string> reloadable;
  std::vector<std::string> needs_restart;
};
Difference difference(const Config& current, const Config& next);
// Copies the reloadable rows of `next` into `current` and nothing else.
void apply_reloadable(Config& current, const Config& next);

}  // namespace spex::config
