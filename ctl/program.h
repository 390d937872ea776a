// Program: from the arguments of spexctl to the verb and back to an exit
// status. `spexctl OPTIONS VERB` and `spexctl VERB OPTIONS` are the same.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/verb.h"

namespace spex::ctl {

struct ParsedProgram {
  const Verb* verb = nullptr;  // null: help or version for the program itself
  Invocation invocation;
  bool help = false;
  bool version = false;
};

// Looks up an environment variable; nothing if it is not set or empty.
using Environment = std::function<std::optional<std::string>(const std::string&)>;

// `arguments` without the program's name. invalid_argument with a sentence for people.
base::Result<ParsedProgram> parse_program(const std::vector<std::string>& arguments, const Environment& environment);

std::string program_help();
std::string verb_help(const Verb& verb);

// The status for an error that a verb returned.
ExitCode exit_code_of(const base::Error& error);

// Everything: parse, run, print what went wrong.
int run_program(const std::vector<std::string>& arguments);

}  // namespace spex::ctl
