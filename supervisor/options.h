// The command line of spexd: parameters and the few options that are none.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/command_line.h"
#include "config/resolve.h"

namespace spex::supervisor {

struct Options {
  bool help = false;
  bool version = false;
  bool print_config = false;
  bool check_config = false;
  std::string config_path;  // empty: no file
  std::string program_dir;  // of spex-router and spex-shard-worker; default: beside spexd
  config::Assignments assignments;
};

base::Result<Options> parse_options(const std::vector<std::string>& arguments);
std::string help_text();

// All sources, read and resolved, with absolute paths. For start and for every reload.
config::Resolved load_configuration(const Options& options);

}  // namespace spex::supervisor
