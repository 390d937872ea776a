// Command lines of every program here: options `--name VALUE`, `--name=VALUE`,
// `--switch`, `-x` for options with a short letter, and positional words, in
// any order; after `--` everything is positional. No guessing of prefixes.
// The one door of Boost.Program_options. Knows options, not parameters.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace spex::config {

struct Option {
  std::string name;        // without dashes: "data-dir"
  std::string value_name;  // "DIR"; empty: takes no value
  std::string text;        // help; empty: the option is not shown
  char letter = 0;         // `-x`; 0: none
  bool repeatable = false;
  bool is_switch = false;  // takes a value, but `--name` alone means `true`; a following word is the value only if it
                           // is `true` or `false`
};

struct CommandLine {
  std::vector<std::pair<std::string, std::string>> options;  // in the order given, names without dashes
  std::vector<std::string> words;                            // positional, in order
  std::vector<std::string> rest;                             // what stands after `--`, untouched
  bool has_rest = false;                                     // whether `--` was there

  bool has(std::string_view name) const;
  std::optional<std::string> value(std::string_view name) const;  // the last one given
  std::vector<std::string> values(std::string_view name) const;
};

// `arguments` without the program's name. Fails with invalid_argument: unknown
// option, missing value, value where none is taken, repetition of a single option.
base::Result<CommandLine> parse_command_line(const std::vector<Option>& options,
                                             const std::vector<std::string>& arguments);

// The options as help text, one entry each, wrapped at 100 columns.
std::string describe_options(const std::vector<Option>& options);

}  // namespace spex::config
