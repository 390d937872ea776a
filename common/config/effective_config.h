// <run_dir>/effective.conf: the resolved values, written by the supervisor and
// the only configuration that its children read, so that a child restarted
// after a crash never picks up a half-edited file.
#pragma once

#include <string>

#include "base/result.h"
#include "config/config.h"

namespace spex::config {

std::string effective_config_path(const std::string& run_dir);  // "<run_dir>/effective.conf"
// Every parameter as a configuration file.
std::string effective_config_text(const Config& config);
// Replaces the file atomically (temporary file, rename).
base::Result<void> save_effective_config(const Config& config);
// Fails with invalid_argument, naming file, line and reason, if any value is missing or wrong.
base::Result<Config> load_effective_config(const std::string& path);

}  // namespace spex::config
