// What is wrong with a text file: file, line, reason; as a value to list and as
// an Error to return. Shared by the readers of this folder.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/error.h"

namespace spex::conformance {

struct TextProblem {
  std::string file;
  std::size_t line = 0;  // from 1; 0: the file as a whole
  std::string reason;
  bool operator==(const TextProblem&) const = default;
};

// Message "<file>:<line>: <reason>", the parts once more in the context.
base::Error text_error(base::Reason reason, const TextProblem& problem);
// The problem back out of such an error; any other error becomes line 0.
TextProblem problem_of(const base::Error& error, std::string_view file);

}  // namespace spex::conformance
