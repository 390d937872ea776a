#include <cstdlib>
#include <filesystem>
#include <map>
#include <optional>
#include <utility>

#include "conformance/conformance_check.h"
#include "conformance/model_directory.h"
#include "conformance/specification_text.h"
#include "ctl/commands/commands.h"
#include "ctl/graphviz.h"
#include "ctl/lts_file.h"
#include "ctl/model_set.h"
#include "ctl/output.h"
#include "ctl/overlay.h"
#include "lts/lts_builder.h"

namespace spex::ctl {
namespace {

// What is drawn: one system, or the implementation and its specification.
struct Subject {
  std::string name;
  lts::Lts lts;
  std::map<conformance::NamedTransition, std::uint64_t> counts;
};

struct Subjects {
  Subject main;
  std::optional<Subject> specification;
};

bool is_file(const std::string& path) {
  std::error_code error;
  return path == "-" || std::filesystem::exists(path, error);
}

base::Result<Subject> from_file(const Invocation& invocation, const std::string& path) {
  SPEX_TRY_ASSIGN(LtsFile file, load_one_lts(path, tau_names_of(invocation)));
  return Subject{file.specification.empty() ? base_name(file.path) : file.specification, std::move(file.lts), {}};
}

// The specification of a model: a file of that name, or the cluster's.
base::Result<Subject> specification_in_directory(const Invocation& invocation, const std::string& name) {
  const char* variable = std::getenv("SPEX_SPECS_DIR");
  const std::string otherwise = variable != nullptr && *variable != 0 ? variable : "./spex_specs";
  const std::string directory = invocation.value_or("specs-dir", otherwise);
  auto specifications = conformance::load_specifications(directory);
  for (const auto& file : specifications.files) {
    if (file.specification.name() == name) return Subject{name, conformance::to_lts(file.specification), {}};
  }
  return base::fail(base::Reason::invalid_argument, "there is no specification of " + name + " in " + directory +
                                                        "; give --specs-dir or a second file");
}

base::Result<Subject> specification_of_cluster(const Invocation& invocation, const std::string& name) {
  const auto answer = ask(invocation, client::with_text(protocol::Operation::show_specification, name));
  if (!answer.ok || answer.body.string() == nullptr) {
    return base::fail(
        answer.origin == client::Origin::unreachable ? base::Reason::shard_unavailable : base::Reason::invalid_argument,
        name + " is no file, and the cluster at " + invocation.endpoint + " has no specification of it");
  }
  SPEX_TRY_ASSIGN(const auto specification, conformance::read_specification_text(*answer.body.string(), name));
  return Subject{name, conformance::to_lts(specification), {}};
}

base::Result<Subject> model_subject(const CountedModel& model) {
  Subject subject{model.specification, lts::LtsBuilder().build(), {}};
  std::vector<conformance::NamedTransition> transitions;
  for (const CountedTransition& counted : model.transitions) {
    transitions.push_back(counted.transition);
    if (counted.count > 0) subject.counts.emplace(counted.transition, counted.count);
  }
  auto system = conformance::to_lts(transitions);
  if (!system.ok())
    return base::fail(base::Reason::invalid_argument, model.specification + ": " + system.error().message);
  subject.lts = std::move(system).value();
  return subject;
}

// A name is asked of the cluster: its model, or without one its specification.
base::Result<Subjects> from_cluster(const Invocation& invocation, const std::string& name) {
  const ModelSet set = model_set_of(ask(invocation, client::plain(protocol::Operation::all_impl_models)));
  if (!set.answer.ok) {
    return base::fail(set.answer.origin == client::Origin::unreachable ? base::Reason::shard_unavailable
                                                                       : base::Reason::invalid_argument,
                      name + " is no file, and the cluster at " + invocation.endpoint + " does not answer");
  }
  const CountedModel* model = set.find(name);
  const bool compares = invocation.line.has("compare");
  if (model == nullptr && compares) {
    return base::fail(base::Reason::invalid_argument, "the cluster has no model of " + name + " to compare");
  }
  if (model == nullptr) {
    SPEX_TRY_ASSIGN(Subject specification, specification_of_cluster(invocation, name));
    return Subjects{std::move(specification), std::nullopt};
  }
  SPEX_TRY_ASSIGN(Subject subject, model_subject(*model));
  Subjects subjects{std::move(subject), std::nullopt};
  if (compares) {
    SPEX_TRY_ASSIGN(subjects.specification, specification_of_cluster(invocation, name));
  }
  return subjects;
}

base::Result<Subjects> load(const Invocation& invocation) {
  const std::string& word = invocation.word(0);
  const bool compares = invocation.line.has("compare");
  const bool has_second = invocation.line.words.size() > 1;
  if (has_second && !compares) {
    return base::fail(base::Reason::invalid_argument, "a second file is for --compare");
  }
  if (!is_file(word)) {
    if (has_second || format_of_ending(word))
      return base::fail(base::Reason::invalid_argument, "there is no file " + word);
    return from_cluster(invocation, word);
  }
  SPEX_TRY_ASSIGN(Subject subject, from_file(invocation, word));
  Subjects subjects{std::move(subject), std::nullopt};
  if (has_second) {
    SPEX_TRY_ASSIGN(subjects.specification, from_file(invocation, invocation.word(1)));
  } else if (compares) {
    SPEX_TRY_ASSIGN(subjects.specification, specification_in_directory(invocation, subjects.main.name));
  }
  return subjects;
}

base::Result<Drawing> draw_one(const Subject& subject, const CountOf& count_of) {
  Drawing drawing = draw_system(subject.lts, count_of);
  drawing.title = subject.name;
  return drawing;
}

base::Result<Drawing> draw_two(const Subject& model, const Subject& specification, const CountOf& count_of) {
  SPEX_TRY_ASSIGN(const lts::Decision decision, lts::decide(model.lts, specification.lts));
  std::optional<lts::Explanation> explanation;
  if (!decision.bisimilar) {
    lts::ExplainOptions options;
    options.with_formula = false;
    explanation = lts::explain(model.lts, specification.lts, decision, options);
  }
  SPEX_TRY_ASSIGN(Drawing drawing,
                  draw_comparison(model.lts, specification.lts, explanation ? &*explanation : nullptr, count_of));
  drawing.title = model.name == specification.name
                      ? model.name + ": implementation over specification"
                      : model.name + " (implementation) over " + specification.name + " (specification)";
  std::vector<std::string> notes{decision.bisimilar ? "equivalent" : "not equivalent"};
  if (explanation) {
    notes[0] += ": " + conformance::shortened(lts::tell_story(*explanation, model.lts, specification.lts,
                                                              "the implementation", "the specification"),
                                              1000);
  }
  drawing.notes.insert(drawing.notes.begin(), notes.begin(), notes.end());
  return drawing;
}

base::Result<Drawing> draw(const Subjects& subjects) {
  const Subject& main = subjects.main;
  const CountOf count_of = [&](lts::StateId from, lts::ActionId action, lts::StateId to) -> std::uint64_t {
    if (main.counts.empty()) return 0;
    const auto found = main.counts.find(
        {main.lts.state_name(from), std::string(main.lts.action_name(action)), main.lts.state_name(to)});
    return found == main.counts.end() ? 0 : found->second;
  };
  SPEX_TRY_ASSIGN(Drawing drawing, subjects.specification ? draw_two(main, *subjects.specification, count_of)
                                                          : draw_one(main, count_of));
  fold_mealy_steps(drawing);
  join_parallel_edges(drawing);
  return drawing;
}

base::Result<int> run_graph(const Invocation& invocation) {
  const std::string path = invocation.value_or("output", "");
  const bool is_dot = path.empty() || path == "-" || path.ends_with(".dot") || path.ends_with(".gv");
  if (!is_dot && !path.ends_with(".svg") && !path.ends_with(".png")) {
    return base::fail(base::Reason::invalid_argument, "-o " + path + ": the ending is none of .svg, .png, .dot");
  }
  SPEX_TRY_ASSIGN(const Subjects subjects, load(invocation));
  SPEX_TRY_ASSIGN(const Drawing drawing, draw(subjects));
  const std::string text = drawing_dot(drawing);
  if (is_dot) {
    SPEX_TRY(put_text(path, text));
  } else {
    SPEX_TRY(draw_with_graphviz(text, path.substr(path.size() - 3), path));
  }
  for (const std::string& note : drawing.notes) {
    if (note.starts_with("Cut: ")) print_error("spexctl graph: " + note);
  }
  return 0;
}

}  // namespace

Verb graph_verb() {
  return {.name = "graph",
          .arguments = "NAME|FILE [SPEC-FILE]",
          .summary = "Draw a model or specification, or one over the other, with Graphviz.",
          .text =
              "FILE is .aut, .spec, .spex or DOT; NAME is a specification, whose model (or itself, if it has none) is\n"
              "asked of the cluster, with how often each transition was learned. With --compare the specification is\n"
              "drawn with it: what is in both (black), missing from the implementation (blue, dashed, −), extra in it\n"
              "(vermillion, thick, +), and on yellow the run that shows the difference. The specification is that of\n"
              "the cluster, that of --specs-dir for a file, or SPEC-FILE. Large systems are cut and say so.\n"
              "Pictures need the program dot (Debian package graphviz); a .dot file does not.\n\n"
              "Examples:\n  spexctl graph order --compare -o order.svg\n"
              "  spexctl graph order.spex --compare --specs-dir . -o order.png\n"
              "  spexctl graph learned.dot earlier.dot --compare -o difference.svg\n",
          .options = {{.name = "compare", .value_name = "", .text = "Draw the specification with it."},
                      {.name = "output",
                       .value_name = "FILE",
                       .text = "A .svg, .png or .dot file (default: DOT on standard output).",
                       .letter = 'o'},
                      {.name = "specs-dir",
                       .value_name = "DIR",
                       .text = "Where the specifications of files are (default SPEX_SPECS_DIR, else ./spex_specs)."},
                      tau_option()},
          .words_min = 1,
          .words_max = 2,
          .run = run_graph};
}

}  // namespace spex::ctl
