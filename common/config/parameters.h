// THE table of parameters: name, type, unit, default, bounds, reloadable, text.
//
// Everything that reads, writes, documents or generates configuration walks
// this table; a parameter exists when it has a row here and a field in
// config.h (a row for a field is checked by a test). Defaults are those of a
// fresh Config, so they stand in one place only.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "config/config.h"

namespace spex::config {

struct Parameter {
  std::string name;         // in the file: data_dir; on the command line: --data-dir; in the environment: SPEX_DATA_DIR
  std::string group;        // the heading it stands under in generated documents
  std::string type;         // "path", "count", "size", "duration", "true or false", "one of …", "endpoint"
  std::string bounds;       // for people: "1 to 4096"; empty if there are none
  bool reloadable = false;  // SIGHUP applies a changed value; others need a restart
  bool repeatable = false;  // may be given several times; the values of one source replace those of a lower one
  bool is_switch = false;   // on the command line the bare option means `true`
  std::string text;         // what it is for, in sentences

  // Parses one value into its field. Fails with invalid_argument and a reason that names no file or option.
  std::function<base::Result<void>(Config&, std::string_view)> set;
  // The field's values in the form that `set` reads: exactly one, or any number if repeatable.
  std::function<std::vector<std::string>(const Config&)> get;
  // Empties a repeatable field before a higher source sets it; nothing otherwise.
  std::function<void(Config&)> clear;
};

const std::vector<Parameter>& parameters();
const Parameter* find_parameter(std::string_view name);  // null if there is none

std::string option_name(const Parameter& parameter);       // "--data-dir"
std::string environment_name(const Parameter& parameter);  // "SPEX_DATA_DIR"

// What no single row can decide: rules between fields. One sentence for each broken rule.
std::vector<std::string> check_consistency(const Config& config);

// An ipc path holds at most 107 bytes with libzmq 4.3.4; the longest name made
// in run_dir is "/shard_4096.<20 digits>.s", so this bound leaves room for every name.
constexpr std::size_t kRunDirBytesMax = 80;
constexpr std::size_t kIpcPathBytesMax = 107;

}  // namespace spex::config
