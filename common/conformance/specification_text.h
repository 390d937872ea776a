// The `.spec` text form of specifications:
//
//   # a comment: first byte of the line
//   Specification: <name>
//   Initial state: <state>                      (default: source of the first transition)
//   Transition timeout: 30s
//   Timeout at end: report
//   Prune timeout: 2d
//   Prunable states: all|terminal               or one line per state:
//   Prunable state: <state>
//   On <reason>: accept|report
//   Transitions:
//   s0 --[a]-> s1
//
// `Specification:` comes first, options in any order and once each,
// transitions last. Blank lines are skipped; all else is an error with its line.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "conformance/specification.h"

namespace spex::conformance {

// `file` is what errors call the text. Fails with SpecificationError
// deserialisation_failed (a bad line) or invalid (no transition, initial state unknown).
base::Result<Specification> read_specification_text(std::string_view text, std::string_view file);

// Options that have their default are left out; the initial state is written
// always. Fails with `invalid` if a state name starts with `#`, which reads as a comment.
base::Result<std::string> write_specification_text(const Specification& specification);

// "<specification>.spec".
std::string specification_file_name(std::string_view specification);

}  // namespace spex::conformance
