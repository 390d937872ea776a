// The `.spex` text form of implementation models, byte-compatible with Spex:
//
//   Specification: <name>
//   Learning mode: <true|false>
//   Transitions:
//   nil --[__initialisation__]-> s0
//   s0 --[a]-> s1
//
// Reading is strict: three header lines in this order, then transition lines;
// empty lines are skipped (the original writes one into a model without
// transitions), everything else is an error with file, line and reason.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "conformance/transition.h"

namespace spex::conformance {

struct ModelText {
  std::string specification;
  bool learning = false;
  std::vector<NamedTransition> transitions;  // as read or given; a repeated one counts once
  bool operator==(const ModelText&) const = default;
};

// `file` is what errors call the text. Fails with ImplModelError deserialisation_failed.
base::Result<ModelText> read_model_text(std::string_view text, std::string_view file);

// Transitions sorted by their lines and written once each.
std::string write_model_text(const ModelText& model);

// The order of written files: by text line.
void sort_transitions(std::vector<NamedTransition>& transitions);

// "<specification>.spex".
std::string model_file_name(std::string_view specification);

}  // namespace spex::conformance
