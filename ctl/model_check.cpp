#include "ctl/model_check.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "base/json_text.h"
#include "conformance/conformance_check.h"
#include "ctl/explanation_text.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

const char* outcome_name(CheckOutcome outcome) {
  switch (outcome) {
    case CheckOutcome::equivalent:
      return "equivalent";
    case CheckOutcome::not_equivalent:
      return "not_equivalent";
    case CheckOutcome::no_specification:
      return "no_specification";
  }
  return "";
}

CheckedModel check_one(const conformance::ModelFile& file, const conformance::SpecificationFile* specification) {
  CheckedModel checked;
  checked.specification = file.model.specification;
  checked.path = file.path;
  checked.transitions = file.model.transitions.size();
  if (specification == nullptr) {
    checked.outcome = CheckOutcome::no_specification;
    checked.reason = "its specification is not defined";
    return checked;
  }
  const auto begin = std::chrono::steady_clock::now();
  const auto verdict = conformance::check_conformance(file.model.transitions, specification->specification);
  checked.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count();
  checked.outcome = verdict.equivalent() ? CheckOutcome::equivalent : CheckOutcome::not_equivalent;
  checked.reason = verdict.reason;
  checked.explained = verdict.explained;
  return checked;
}

// Bytes of the character that `text` begins with; 0 if it is no UTF-8 or none that XML 1.0 allows.
std::size_t character_size(std::string_view text) {
  const auto first = static_cast<unsigned char>(text.front());
  if (first < 0x80) return first >= 0x20 || first == '\n' || first == '\t' ? 1 : 0;
  const std::size_t size = first >= 0xF0 ? 4 : (first >= 0xE0 ? 3 : 2);
  const std::string_view character = text.substr(0, size);
  const bool is_allowed = base::is_utf8(character) && character != "\xEF\xBF\xBE" && character != "\xEF\xBF\xBF";
  return character.size() == size && is_allowed ? size : 0;
}

// Text for XML 1.0: what it does not allow becomes U+FFFD. `in_attribute`: a line end there is written as such.
std::string xml(std::string_view text, bool in_attribute = true) {
  std::string escaped;
  while (!text.empty()) {
    const std::size_t size = character_size(text);
    const std::string_view character = text.substr(0, std::max<std::size_t>(size, 1));
    text.remove_prefix(character.size());
    if (size == 0) {
      escaped += "\xEF\xBF\xBD";
    } else if (character == "&") {
      escaped += "&amp;";
    } else if (character == "<") {
      escaped += "&lt;";
    } else if (character == ">") {
      escaped += "&gt;";
    } else if (character == "\"") {
      escaped += "&quot;";
    } else if (character == "\n" && in_attribute) {
      escaped += "&#10;";
    } else {
      escaped += character;
    }
  }
  return escaped;
}

std::string place_of(const conformance::TextProblem& problem) {
  return problem.file + (problem.line > 0 ? ":" + std::to_string(problem.line) : "");
}

// Whether the explanation has the reason as its story.
bool says_all(const CheckedModel& model) { return model.explained && model.explained->story == model.reason; }

// What a person reads in the failed case: the story, the run, the formula.
std::string failure_text(const CheckedModel& model) {
  if (!model.explained) return model.reason + "\n";
  return (says_all(model) ? "" : model.reason + "\n") + explanation_text(*model.explained, {}, "") +
         formula_line(*model.explained);
}

std::string test_case(const CheckedModel& model) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.6f", model.seconds);
  std::string text = "  <testcase classname=\"" + xml(model.path) + "\" name=\"" + xml(model.specification) +
                     "\" time=\"" + seconds + "\"";
  if (model.outcome == CheckOutcome::equivalent) return text + "/>\n";
  if (model.outcome == CheckOutcome::no_specification) {
    return text + ">\n    <skipped message=\"" + xml(model.reason) + "\"/>\n  </testcase>\n";
  }
  const std::string& message = model.explained ? model.explained->story : model.reason;
  return text + ">\n    <failure type=\"not_equivalent\" message=\"" + xml(message) + "\">" +
         xml(failure_text(model), false) + "</failure>\n  </testcase>\n";
}

}  // namespace

bool CheckReport::all_equivalent() const {
  return std::none_of(models.begin(), models.end(),
                      [](const CheckedModel& model) { return model.outcome == CheckOutcome::not_equivalent; });
}

int CheckReport::exit_status() const {
  if (!all_equivalent()) return 1;
  return problems.empty() ? 0 : 2;
}

CheckReport check_models(const conformance::Directory<conformance::ModelFile>& models,
                         const conformance::Directory<conformance::SpecificationFile>& specifications) {
  CheckReport report;
  report.problems = models.problems;
  report.problems.insert(report.problems.end(), specifications.problems.begin(), specifications.problems.end());
  for (const auto& file : models.files) {
    const auto found =
        std::find_if(specifications.files.begin(), specifications.files.end(),
                     [&](const auto& candidate) { return candidate.specification.name() == file.model.specification; });
    report.models.push_back(check_one(file, found == specifications.files.end() ? nullptr : &*found));
  }
  return report;
}

std::string report_text(const CheckReport& report) {
  std::string text;
  std::size_t failed = 0;
  for (const auto& model : report.models) {
    const bool is_bad = model.outcome == CheckOutcome::not_equivalent;
    failed += is_bad ? 1 : 0;
    const Colour colour = is_bad                                            ? Colour::bad
                          : model.outcome == CheckOutcome::no_specification ? Colour::warning
                                                                            : Colour::good;
    const char* word =
        is_bad ? "not equivalent" : (model.outcome == CheckOutcome::no_specification ? "not checked" : "equivalent");
    text += model.specification + ": " + paint(colour, word) + " (" + plural(model.transitions, "transition") + ", " +
            model.path + ")\n";
    if (!model.reason.empty() && !says_all(model)) text += "  " + model.reason + "\n";
    if (model.explained) text += explanation_text(*model.explained, {});
  }
  for (const auto& problem : report.problems) {
    text += paint(Colour::bad, "unreadable: " + place_of(problem) + ": " + problem.reason) + "\n";
  }
  text += plural(report.models.size(), "model") + " checked, " + with_separators(failed) + " not equivalent";
  if (!report.problems.empty()) text += ", " + plural(report.problems.size(), "file") + " unreadable";
  return text + "\n";
}

Value report_document(const CheckReport& report) {
  Array models;
  for (const auto& model : report.models) {
    Map row{{"specification", model.specification},
            {"path", model.path},
            {"transitions", static_cast<std::uint64_t>(model.transitions)},
            {"verdict", outcome_name(model.outcome)}};
    if (!model.reason.empty()) row.emplace_back("reason", model.reason);
    if (model.explained) row.emplace_back("explanation", explanation_document(*model.explained));
    models.emplace_back(std::move(row));
  }
  Array problems;
  for (const auto& problem : report.problems) {
    problems.push_back(
        Map{{"file", problem.file}, {"line", static_cast<std::uint64_t>(problem.line)}, {"reason", problem.reason}});
  }
  return Map{{"equivalent", report.all_equivalent()}, {"models", std::move(models)}, {"problems", std::move(problems)}};
}

std::string report_junit(const CheckReport& report) {
  std::size_t failures = 0;
  std::size_t skipped = 0;
  std::string cases;
  for (const auto& model : report.models) {
    failures += model.outcome == CheckOutcome::not_equivalent ? 1 : 0;
    skipped += model.outcome == CheckOutcome::no_specification ? 1 : 0;
    cases += test_case(model);
  }
  for (const auto& problem : report.problems) {
    cases += "  <testcase classname=\"" + xml(problem.file) + "\" name=\"" + xml(place_of(problem)) +
             "\">\n    <error message=\"" + xml(problem.reason) + "\"/>\n  </testcase>\n";
  }
  return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuite name=\"spexctl check\" tests=\"" +
         std::to_string(report.models.size() + report.problems.size()) + "\" failures=\"" + std::to_string(failures) +
         "\" errors=\"" + std::to_string(report.problems.size()) + "\" skipped=\"" + std::to_string(skipped) + "\">\n" +
         cases + "</testsuite>\n";
}

}  // namespace spex::ctl
