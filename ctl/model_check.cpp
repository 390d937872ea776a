#include "ctl/model_check.h"

#include <algorithm>
#include <chrono>
#include <cstdio>

#include "conformance/conformance_check.h"
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
  return checked;
}

std::string xml(std::string_view text) {
  std::string escaped;
  for (const char c : text) {
    switch (c) {
      case '&':
        escaped += "&amp;";
        break;
      case '<':
        escaped += "&lt;";
        break;
      case '>':
        escaped += "&gt;";
        break;
      case '"':
        escaped += "&quot;";
        break;
      default:
        escaped += static_cast<unsigned char>(c) < 0x20 ? ' ' : c;
    }
  }
  return escaped;
}

std::string place_of(const conformance::TextProblem& problem) {
  return problem.file + (problem.line > 0 ? ":" + std::to_string(problem.line) : "");
}

std::string test_case(const CheckedModel& model) {
  char seconds[32];
  std::snprintf(seconds, sizeof seconds, "%.6f", model.seconds);
  std::string text = "  <testcase classname=\"" + xml(model.path) + "\" name=\"" + xml(model.specification) +
                     "\" time=\"" + seconds + "\"";
  if (model.outcome == CheckOutcome::equivalent) return text + "/>\n";
  const char* element = model.outcome == CheckOutcome::no_specification ? "skipped" : "failure";
  return text + ">\n    <" + element + " message=\"" + xml(model.reason) + "\"/>\n  </testcase>\n";
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
    if (!model.reason.empty()) text += "  " + model.reason + "\n";
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
