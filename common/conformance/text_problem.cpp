#include "conformance/text_problem.h"

#include <charconv>

namespace spex::conformance {

base::Error text_error(base::Reason reason, const TextProblem& problem) {
  std::string message = problem.file;
  if (problem.line != 0) message += ":" + std::to_string(problem.line);
  message += ": " + problem.reason;
  return base::Error(reason, std::move(message))
      .with("file", problem.file)
      .with("line", std::to_string(problem.line))
      .with("why", problem.reason);
}

TextProblem problem_of(const base::Error& error, std::string_view file) {
  TextProblem problem{std::string(file), 0, error.message};
  for (const auto& [key, value] : error.context) {
    if (key == "file") problem.file = value;
    if (key == "why") problem.reason = value;
    if (key == "line") std::from_chars(value.data(), value.data() + value.size(), problem.line);
  }
  return problem;
}

}  // namespace spex::conformance
