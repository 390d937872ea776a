#include "conformance/model_text.h"

#include <algorithm>
#include <unordered_set>

#include "conformance/line_reader.h"
#include "conformance/names.h"
#include "conformance/text_problem.h"

namespace spex::conformance {
namespace {

using base::Result;

constexpr std::string_view kSpecification = "Specification: ";
constexpr std::string_view kLearningMode = "Learning mode: ";
constexpr std::string_view kTransitions = "Transitions:";

class ModelTextReader {
 public:
  ModelTextReader(std::string_view text, std::string_view file) : lines_(text), file_(file) {}

  Result<ModelText> read() {
    SPEX_TRY(read_head());
    while (const auto line = lines_.next()) {
      if (line->find('\r') != std::string_view::npos) return wrong("carriage return; lines end in a newline alone");
      if (line->empty()) continue;
      auto parsed = parse_transition_line(*line, true);
      if (const auto* why = std::get_if<std::string>(&parsed)) return wrong(*why);
      // The lines, not the transitions, are what is compared: one text, one transition.
      if (seen_.insert(*line).second) model_.transitions.push_back(std::get<NamedTransition>(std::move(parsed)));
    }
    return std::move(model_);
  }

 private:
  base::Error wrong(std::string why) const {
    const std::size_t line = std::max<std::size_t>(lines_.number(), 1);
    return text_error(base::Reason::impl_model_deserialisation_failed, {std::string(file_), line, std::move(why)});
  }

  Result<std::string_view> header(std::string_view prefix) {
    const auto line = lines_.next();
    if (!line) return wrong("the text ends before the line " + quoted(prefix));
    if (line->find('\r') != std::string_view::npos) return wrong("carriage return; lines end in a newline alone");
    const auto value = after(*line, prefix);
    if (!value) return wrong("expected " + quoted(prefix) + ", found " + quoted(*line));
    return *value;
  }

  Result<void> read_head() {
    SPEX_TRY_ASSIGN(const std::string_view name, header(kSpecification));
    if (const auto why = specification_name_problem(name); !why.empty()) {
      return wrong("specification name " + quoted(name) + " " + std::string(why));
    }
    SPEX_TRY_ASSIGN(const std::string_view learning, header(kLearningMode));
    if (learning != "true" && learning != "false") {
      return wrong("learning mode is 'true' or 'false', not " + quoted(learning));
    }
    SPEX_TRY_ASSIGN(const std::string_view rest, header(kTransitions));
    if (!rest.empty()) return wrong("unexpected text after " + quoted(kTransitions));
    model_.specification = std::string(name);
    model_.learning = learning == "true";
    return {};
  }

  LineReader lines_;
  std::string_view file_;
  ModelText model_;
  std::unordered_set<std::string_view> seen_;
};

}  // namespace

Result<ModelText> read_model_text(std::string_view text, std::string_view file) {
  return ModelTextReader(text, file).read();
}

std::string write_model_text(const ModelText& model) {
  std::vector<std::string> lines;
  lines.reserve(model.transitions.size());
  for (const NamedTransition& transition : model.transitions) lines.push_back(transition_line(transition));
  std::sort(lines.begin(), lines.end());
  lines.erase(std::unique(lines.begin(), lines.end()), lines.end());
  std::string text;
  text.append(kSpecification).append(model.specification).append("\n");
  text.append(kLearningMode).append(model.learning ? "true" : "false").append("\n");
  text.append(kTransitions).append("\n");
  for (const std::string& line : lines) text.append(line).append("\n");
  // As the original joins: no transitions leave one empty line.
  if (lines.empty()) text.append("\n");
  return text;
}

void sort_transitions(std::vector<NamedTransition>& transitions) {
  std::vector<std::pair<std::string, std::size_t>> keys;
  keys.reserve(transitions.size());
  for (std::size_t i = 0; i < transitions.size(); ++i) keys.emplace_back(transition_line(transitions[i]), i);
  std::sort(keys.begin(), keys.end());
  std::vector<NamedTransition> sorted;
  sorted.reserve(transitions.size());
  for (const auto& [line, index] : keys) sorted.push_back(std::move(transitions[index]));
  transitions = std::move(sorted);
}

std::string model_file_name(std::string_view specification) { return std::string(specification) + ".spex"; }

}  // namespace spex::conformance
