// Verb: one subcommand of spexctl, as a row of the table in verbs.cpp; and
// Invocation: what it was called with. Each verb lives in commands/<name>.cpp.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/result.h"
#include "config/command_line.h"

namespace spex::ctl {

enum class ExitCode : int {
  fine = 0,
  no = 1,  // not equivalent, deviations found
  usage = 2,
  undecided = 3,
  degraded = 4,
  unreachable = 5,
  timeout = 6,
  refused = 7,
};
inline int status_of(ExitCode code) { return static_cast<int>(code); }

struct Invocation {
  std::string verb;
  config::CommandLine line;  // words without the verb; what stood after `--` in `rest`
  bool json = false;
  std::string endpoint;
  std::string run_dir;
  bool endpoint_given = false;  // on the command line or in the environment
  bool run_dir_given = false;

  const std::string& word(std::size_t index) const { return line.words.at(index); }
  std::string value_or(std::string_view option, std::string fallback) const {
    return line.value(option).value_or(std::move(fallback));
  }
};

struct Verb {
  std::string name;
  std::string arguments;  // of the usage line: "SPEC ID"
  std::string summary;    // one line
  std::string text;       // help: what it does, examples
  std::vector<config::Option> options;
  std::size_t words_min = 0;
  std::size_t words_max = 0;
  bool takes_rest = false;  // words after `--` are a command and not further words
  // The exit status; an error is printed and becomes one (program.cpp).
  base::Result<int> (*run)(const Invocation&) = nullptr;
};

// In the order of the help text.
const std::vector<Verb>& all_verbs();
const Verb* find_verb(std::string_view name);

// Options of several verbs.
config::Option json_id_option();
config::Option timeout_option(std::string text);

// The value of a duration option in nanoseconds; invalid_argument names the option. `infinity`: ten years.
base::Result<base::Duration> duration_option(const Invocation& invocation, std::string_view option,
                                             std::string_view fallback);
base::Result<std::uint64_t> number_option(const Invocation& invocation, std::string_view option,
                                          std::uint64_t fallback);
base::Result<std::uint64_t> parse_number(std::string_view text, std::string_view what);

}  // namespace spex::ctl
