#include "conformance/specification_text.h"

#include <algorithm>
#include <optional>
#include <set>

#include "conformance/line_reader.h"
#include "conformance/names.h"
#include "conformance/text_problem.h"

namespace spex::conformance {
namespace {

using base::OptionalDuration;
using base::Reason;
using base::Result;

class SpecificationTextReader {
 public:
  SpecificationTextReader(std::string_view text, std::string_view file) : lines_(text), file_(file) {}

  Result<Specification> read() {
    while (const auto line = lines_.next()) {
      if (line->find('\r') != std::string_view::npos) return wrong("carriage return; lines end in a newline alone");
      if (line->starts_with('#') || line->find_first_not_of(" \t") == std::string_view::npos) continue;
      SPEX_TRY(in_transitions_ ? transition(*line) : header(*line));
    }
    if (!name_) return wrong("the text ends before the line 'Specification: <name>'");
    if (!in_transitions_) return wrong("the text ends before the line 'Transitions:'");
    auto made = Specification::make(*name_, initial_state_, std::move(transitions_), std::move(options_));
    if (!made) {
      return text_error(made.error().reason, {std::string(file_), initial_state_line(), made.error().message});
    }
    return made;
  }

 private:
  base::Error wrong(std::string why) const {
    const std::size_t line = std::max<std::size_t>(lines_.number(), 1);
    return text_error(Reason::specification_deserialisation_failed, {std::string(file_), line, std::move(why)});
  }
  // What make() can still refuse is the file as a whole or this line.
  std::size_t initial_state_line() const { return initial_state_line_; }

  Result<void> transition(std::string_view line) {
    auto parsed = parse_transition_line(line, false);
    if (const auto* why = std::get_if<std::string>(&parsed)) return wrong(*why);
    transitions_.push_back(std::get<NamedTransition>(std::move(parsed)));
    return {};
  }

  Result<void> header(std::string_view line) {
    if (!name_) return specification_name(line);
    if (line == "Transitions:") {
      in_transitions_ = true;
      return {};
    }
    if (const auto state = after(line, "Prunable state: ")) return prunable_state(*state);
    const std::size_t colon = line.find(": ");
    if (colon == std::string_view::npos) return wrong("unknown line " + quoted(line));
    const std::string_view option = line.substr(0, colon);
    const std::string_view value = line.substr(colon + 2);
    if (!given_.insert(std::string(option)).second) return wrong(quoted(option) + " is given twice");
    if (option == "Initial state") return initial_state(value);
    if (option == "Transition timeout") return duration(value, options_.transition_timeout);
    if (option == "Prune timeout") return duration(value, options_.prune_timeout);
    if (option == "Timeout at end") return timeout_at_end(value);
    if (option == "Prunable states") return prunable_states(value);
    if (const auto reason = after(option, "On ")) return policy(*reason, value);
    return wrong("unknown option " + quoted(option));
  }

  Result<void> specification_name(std::string_view line) {
    const auto name = after(line, "Specification: ");
    if (!name) return wrong("expected 'Specification: <name>', found " + quoted(line));
    if (const auto why = specification_name_problem(*name); !why.empty()) {
      return wrong("specification name " + quoted(*name) + " " + std::string(why));
    }
    name_ = std::string(*name);
    return {};
  }

  Result<void> initial_state(std::string_view state) {
    SPEX_TRY(check_state(state));
    initial_state_ = std::string(state);
    initial_state_line_ = lines_.number();
    return {};
  }

  Result<void> check_state(std::string_view state) const {
    if (const auto why = name_problem(state); !why.empty()) {
      return wrong("state " + quoted(state) + " " + std::string(why));
    }
    return {};
  }

  Result<void> duration(std::string_view value, OptionalDuration& target) {
    auto parsed = base::parse_duration(value);
    if (!parsed) return wrong(parsed.error().message);
    if (parsed->microseconds == 0) return wrong("a timeout of zero has no meaning; leave the line out for none");
    target = *parsed;
    return {};
  }

  Result<void> timeout_at_end(std::string_view value) {
    if (value != "report") return wrong("'Timeout at end' knows 'report' only, not " + quoted(value));
    options_.timeout_at_end = true;
    return {};
  }

  Result<void> prunable_states(std::string_view value) {
    if (options_.prunable == Prunable::listed) return wrong("'Prunable states' beside 'Prunable state'");
    if (value != "all" && value != "terminal") {
      return wrong("'Prunable states' is 'all' or 'terminal', not " + quoted(value) +
                   "; for one state write 'Prunable state: NAME'");
    }
    options_.prunable = value == "all" ? Prunable::all : Prunable::terminal;
    return {};
  }

  Result<void> prunable_state(std::string_view state) {
    SPEX_TRY(check_state(state));
    if (given_.contains("Prunable states")) return wrong("'Prunable state' beside 'Prunable states'");
    options_.prunable = Prunable::listed;
    auto& states = options_.prunable_states;
    if (std::find(states.begin(), states.end(), state) != states.end()) {
      return wrong("prunable state " + quoted(state) + " is given twice");
    }
    states.emplace_back(state);
    return {};
  }

  Result<void> policy(std::string_view name, std::string_view value) {
    for (const Reason reason : ErrorPolicy::governed()) {
      if (base::reason_name(reason) != name) continue;
      if (value != "accept" && value != "report") {
        return wrong("'On " + std::string(name) + "' is 'accept' or 'report', not " + quoted(value));
      }
      options_.error_policy.set(reason, value == "accept");
      return {};
    }
    std::string known;
    for (const Reason reason : ErrorPolicy::governed()) known += " " + std::string(base::reason_name(reason));
    return wrong("no error of an instance is called " + quoted(name) + "; known:" + known);
  }

  LineReader lines_;
  std::string_view file_;
  std::optional<std::string> name_;
  std::string initial_state_;
  std::size_t initial_state_line_ = 0;
  std::vector<NamedTransition> transitions_;
  SpecificationOptions options_;
  std::set<std::string, std::less<>> given_;
  bool in_transitions_ = false;
};

void write_options(const SpecificationOptions& options, std::string& text) {
  const SpecificationOptions defaults;
  if (options.transition_timeout.microseconds) {
    text += "Transition timeout: " + base::format_duration(options.transition_timeout) + "\n";
  }
  if (options.timeout_at_end) text += "Timeout at end: report\n";
  if (options.prune_timeout.microseconds) {
    text += "Prune timeout: " + base::format_duration(options.prune_timeout) + "\n";
  }
  if (options.prunable == Prunable::all) text += "Prunable states: all\n";
  if (options.prunable == Prunable::terminal) text += "Prunable states: terminal\n";
  for (const std::string& state : options.prunable_states) text += "Prunable state: " + state + "\n";
  for (const Reason reason : ErrorPolicy::governed()) {
    const bool accept = options.error_policy.accepts(reason);
    if (accept == defaults.error_policy.accepts(reason)) continue;
    text += "On " + std::string(base::reason_name(reason)) + (accept ? ": accept\n" : ": report\n");
  }
}

}  // namespace

Result<Specification> read_specification_text(std::string_view text, std::string_view file) {
  return SpecificationTextReader(text, file).read();
}

Result<std::string> write_specification_text(const Specification& specification) {
  std::string text = "Specification: " + specification.name() + "\n";
  text += "Initial state: " + specification.initial_state() + "\n";
  write_options(specification.options(), text);
  text += "Transitions:\n";
  for (const NamedTransition& transition : specification.transitions()) {
    if (transition.from.starts_with('#')) {
      return base::fail(Reason::specification_invalid, "write specification '" + specification.name() + "': state '" +
                                                           transition.from + "' would read as a comment");
    }
    text += transition_line(transition) + "\n";
  }
  return text;
}

std::string specification_file_name(std::string_view specification) { return std::string(specification) + ".spec"; }

}  // namespace spex::conformance
