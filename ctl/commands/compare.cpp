#include <array>
#include <optional>
#include <utility>

#include "ctl/commands/commands.h"
#include "ctl/explanation_text.h"
#include "ctl/lts_file.h"
#include "ctl/output.h"
#include "lts/explanation.h"
#include "lts/large_heap.h"
#include "lts/weak_trace.h"
#include "protocol/json.h"

namespace spex::ctl {
namespace {

using conformance::Explained;
using protocol::Map;
using protocol::Value;

struct Relation {
  std::string_view name;
  std::optional<lts::Bisimilarity> bisimilarity;  // else of traces
  lts::TraceRelation traces = lts::TraceRelation::equivalence;
};

constexpr std::array<Relation, 5> kRelations{{
    {"branching-bisim", lts::Bisimilarity::branching},
    {"bisim", lts::Bisimilarity::strong},
    {"dpbranching-bisim", lts::Bisimilarity::divergence_preserving},
    {"weak-trace", std::nullopt, lts::TraceRelation::equivalence},
    {"weak-trace-pre", std::nullopt, lts::TraceRelation::inclusion},
}};

// What an explanation may show of long systems: all of it, within the memory of a command.
constexpr conformance::ExplainedLimits kLimits{
    .entries_max = 1U << 20U, .story_bytes_max = 1U << 16U, .formula_bytes_max = 1U << 20U};

enum class Verdict : std::uint8_t { holds, differs, undecided };

struct Comparison {
  const Relation& relation;
  LtsFile left;
  LtsFile right;
  SideNames names;
  bool with_formula;
  std::uint64_t trace_work_max;
  std::optional<lts::Decision> decision;  // while an explanation may need it
  Verdict verdict = Verdict::holds;
  std::optional<Explained> explained;
};

base::Result<const Relation*> relation_option(const Invocation& invocation) {
  const std::string wanted = invocation.value_or("relation", std::string(kRelations[0].name));
  std::string known;
  for (const Relation& relation : kRelations) {
    if (relation.name == wanted) return &relation;
    known += (known.empty() ? "" : ", ") + std::string(relation.name);
  }
  return base::fail(base::Reason::invalid_argument, "--relation: '" + wanted + "' is none of " + known);
}

base::Result<std::uint64_t> trace_work_option(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const std::uint64_t work, number_option(invocation, "trace-work", lts::kTraceWorkMax));
  if (work > 0) return work;
  return base::fail(base::Reason::invalid_argument, "--trace-work: there must be at least one step, got 0");
}

// What the story calls the two: by what they are if that tells them apart, else by file.
SideNames side_names(const LtsFile& left, const LtsFile& right) {
  if (left.format == LtsFormat::spex && right.format == LtsFormat::spec) return {};
  if (left.format == LtsFormat::spec && right.format == LtsFormat::spex) return {"specification", "implementation"};
  if (base_name(left.path) != base_name(right.path)) return {base_name(left.path), base_name(right.path)};
  if (left.path != right.path) return {left.path, right.path};
  return {"the first", "the second"};
}

std::string in_sentence(const std::string& name) {
  return name == "implementation" || name == "specification" ? "the " + name : name;
}

base::Result<void> decide(Comparison& comparison) {
  const lts::Lts& left = comparison.left.lts;
  const lts::Lts& right = comparison.right.lts;
  if (comparison.relation.bisimilarity) {
    SPEX_TRY_ASSIGN(comparison.decision, lts::decide(left, right, *comparison.relation.bisimilarity));
    comparison.verdict = comparison.decision->bisimilar ? Verdict::holds : Verdict::differs;
    return {};
  }
  SPEX_TRY_ASSIGN(const auto outcome,
                  lts::compare_weak_traces(left, right, comparison.relation.traces, comparison.trace_work_max));
  using Outcome = lts::TraceComparison::Outcome;
  comparison.verdict = outcome == Outcome::holds     ? Verdict::holds
                       : outcome == Outcome::differs ? Verdict::differs
                                                     : Verdict::undecided;
  return {};
}

base::Result<void> explain(Comparison& comparison) {
  const lts::Lts& left = comparison.left.lts;
  const lts::Lts& right = comparison.right.lts;
  lts::ExplainOptions options;
  options.formula_bytes_max = kLimits.formula_bytes_max;
  options.with_formula = comparison.with_formula;
  lts::Explanation explanation;
  if (comparison.decision) {
    lts::trim_large_heap(comparison.decision->graph.transitions.size());
    explanation = lts::explain(left, right, *comparison.decision, options);
    comparison.decision.reset();
  } else {
    SPEX_TRY_ASSIGN(explanation, lts::explain_traces(left, right, comparison.relation.traces, options));
  }
  comparison.explained = conformance::describe(explanation, left, right, in_sentence(comparison.names.left),
                                               in_sentence(comparison.names.right), kLimits);
  return {};
}

// A model that starts nowhere, or in several states, is equivalent to nothing.
bool is_settled_by_initial_states(Comparison& comparison) {
  std::string story;
  for (const LtsFile* file : {&comparison.left, &comparison.right}) {
    if (!file->not_one_initial.empty())
      story += (story.empty() ? "" : "; ") + file->path + ": " + file->not_one_initial;
  }
  if (story.empty()) return false;
  comparison.verdict = Verdict::differs;
  comparison.explained = Explained{};
  comparison.explained->story = story;
  comparison.explained->kind = "initialisation";
  return true;
}

Value file_document(const LtsFile& file) {
  return Map{{"file", file.path},
             {"format", std::string(format_name(file.format))},
             {"states", file.lts.state_count()},
             {"transitions", file.lts.transition_count()}};
}

const char* verdict_name(Verdict verdict) {
  switch (verdict) {
    case Verdict::holds:
      return "equivalent";
    case Verdict::differs:
      return "not_equivalent";
    case Verdict::undecided:
      return "undecided";
  }
  return "";
}

Value document_of(const Comparison& comparison) {
  Map document{{"relation", std::string(comparison.relation.name)},
               {"verdict", verdict_name(comparison.verdict)},
               {"left", file_document(comparison.left)},
               {"right", file_document(comparison.right)}};
  if (comparison.explained) document.emplace_back("explanation", explanation_document(*comparison.explained));
  return document;
}

std::string text_of(const Comparison& comparison) {
  const bool is_preorder = comparison.relation.name == "weak-trace-pre";
  const std::string tail = " (" + std::string(comparison.relation.name) + ")\n";
  switch (comparison.verdict) {
    case Verdict::holds:
      return paint(Colour::good, is_preorder ? "included" : "equivalent") + tail;
    case Verdict::undecided:
      return paint(Colour::warning, "undecided") + tail + "  comparing the traces takes more work than allowed\n";
    case Verdict::differs:
      break;
  }
  std::string text = paint(Colour::bad, is_preorder ? "not included" : "not equivalent") + tail;
  if (comparison.explained) text += explanation_text(*comparison.explained, comparison.names);
  if (comparison.explained && comparison.with_formula) text += formula_line(*comparison.explained);
  return text;
}

base::Result<int> run_compare(const Invocation& invocation) {
  SPEX_TRY_ASSIGN(const Relation* relation, relation_option(invocation));
  if (invocation.word(0) == "-" && invocation.word(1) == "-") {
    return base::fail(base::Reason::invalid_argument, "only one of the two can be standard input");
  }
  SPEX_TRY_ASSIGN(const std::uint64_t trace_work_max, trace_work_option(invocation));
  const auto tau_names = tau_names_of(invocation);
  lts::prepare_large_heap();
  SPEX_TRY_ASSIGN(LtsFile left, load_lts(invocation.word(0), tau_names));
  SPEX_TRY_ASSIGN(LtsFile right, load_lts(invocation.word(1), tau_names));
  const SideNames names = side_names(left, right);
  const bool with_formula = invocation.json || invocation.line.has("formula");
  Comparison comparison{*relation, std::move(left), std::move(right), names, with_formula, trace_work_max, {}, {}, {}};
  if (!is_settled_by_initial_states(comparison)) {
    SPEX_TRY(decide(comparison));
    if (comparison.verdict == Verdict::differs) SPEX_TRY(explain(comparison));
  }
  print(invocation.json ? protocol::to_json(document_of(comparison)) + "\n" : text_of(comparison));
  switch (comparison.verdict) {
    case Verdict::holds:
      return status_of(ExitCode::fine);
    case Verdict::differs:
      return status_of(ExitCode::no);
    case Verdict::undecided:
      break;
  }
  return status_of(ExitCode::undecided);
}

}  // namespace

Verb compare_verb() {
  return {.name = "compare",
          .arguments = "A B",
          .summary = "Compare two systems from files: equivalent, and if not, why.",
          .text =
              "A and B are .aut, .spec, .spex or DOT files (Mealy machines, an edge `i/o` is `?i` then `!o`), also\n"
              "as .gz; `-` is standard input. The format is told by the name's ending, else by the first line.\n"
              "Exits 0 if the relation holds, 1 if not, 2 if a file cannot be read, and 3 (undecided) if a trace\n"
              "relation takes more work than allowed; the bisimilarities are always decided.\n"
              "If the relation does not hold: why, in words, and the run that shows it with the states passed.\n"
              "docs/comparing.md says how to read it.\n\n"
              "Examples:\n  spexctl compare order.spex order.spec --formula\n"
              "  spexctl compare old.dot new.dot --relation weak-trace --json\n"
              "  zcat big.aut.gz | spexctl compare - small.aut --tau i\n",
          .options = {{.name = "relation",
                       .value_name = "R",
                       .text = "branching-bisim (default), bisim (strong), dpbranching-bisim (divergence-preserving), "
                               "weak-trace, or weak-trace-pre: A's weak traces are among B's."},
                      tau_option(),
                      {.name = "trace-work",
                       .value_name = "STEPS",
                       .text = "How many elementary steps a trace relation may take, before it is undecided (default " +
                               std::to_string(lts::kTraceWorkMax) + ")."},
                      {.name = "formula",
                       .value_name = "",
                       .text = "Print a line `formula: …`, true in A and false in B, of least depth, in mCRL2's "
                               "syntax; if its text is at most 1 MiB."}},
          .words_min = 2,
          .words_max = 2,
          .run = run_compare};
}

}  // namespace spex::ctl
