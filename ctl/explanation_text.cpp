#include "ctl/explanation_text.h"

#include <algorithm>
#include <utility>

#include "ctl/documents.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using conformance::Explained;
using conformance::ExplainedExchange;
using conformance::ExplainedStep;
using protocol::Array;
using protocol::Map;
using protocol::Value;

// Of a long trace or play people see both ends.
constexpr std::size_t kRowsAtEachEnd = 20;
constexpr std::string_view kSilent = "(silent)";

// Visible steps with the silent ones before each; at last the silent ones after all.
struct Stretch {
  std::vector<ExplainedStep> silent;
  std::string action;
  std::string state;
};

struct Stretches {
  std::vector<Stretch> visible;
  std::vector<ExplainedStep> rest;
};

Stretches stretches_of(const std::vector<ExplainedStep>& run) {
  Stretches result;
  for (const ExplainedStep& step : run) {
    if (step.action.empty()) {
      result.rest.push_back(step);
    } else {
      result.visible.push_back({std::exchange(result.rest, {}), step.action, step.state});
    }
  }
  return result;
}

void add_silent(std::vector<RunRow>& rows, const std::vector<ExplainedStep>& steps, bool is_left) {
  for (const ExplainedStep& step : steps) rows.push_back({"", is_left ? step.state : "", is_left ? "" : step.state});
}

std::string run_text(const std::vector<ExplainedStep>& run) {
  std::string text;
  for (const ExplainedStep& step : run) {
    text +=
        (text.empty() ? "" : ", ") + (step.action.empty() ? std::string(kSilent) : step.action) + " to " + step.state;
  }
  return text.empty() ? "stays" : text;
}

// The rows of a table, the middle of a long one left out.
void add_rows(Table& table, const std::vector<std::vector<std::string>>& rows) {
  const bool is_long = rows.size() > 2 * kRowsAtEachEnd + 1;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (is_long && i == kRowsAtEachEnd) {
      const std::size_t skipped = rows.size() - 2 * kRowsAtEachEnd;
      table.add({"…", with_separators(skipped) + " more steps"}, Colour::faint);
      i += skipped;
    }
    const bool is_last = i + 1 == rows.size();
    table.add(rows[i], is_last ? Colour::bold : Colour::plain);
  }
}

std::string trace_table(const Explained& explained, const SideNames& names) {
  std::vector<std::vector<std::string>> rows;
  std::size_t number = 0;
  for (const RunRow& row : paired_runs(explained)) {
    const bool is_silent = row.action.empty();
    const bool is_last = !is_silent && (row.left.empty() || row.right.empty());
    const std::string none = is_last ? "cannot" : "";
    rows.push_back({is_silent ? "" : std::to_string(++number), is_silent ? std::string(kSilent) : row.action,
                    row.left.empty() ? none : row.left, row.right.empty() ? none : row.right});
  }
  Table table({"STEP", "ACTION", names.left, names.right}, {0});
  add_rows(table, rows);
  return table.take();
}

std::string game_table(const Explained& explained, const SideNames& names) {
  std::vector<std::vector<std::string>> rows;
  for (std::size_t i = 0; i < explained.game.size(); ++i) {
    const ExplainedExchange& step = explained.game[i];
    const bool is_last = i + 1 == explained.game.size();
    const std::string head = std::to_string(i + 1);
    const auto move = [&](bool left, bool answers) {
      const std::string moves = run_text(left ? step.left : step.right);
      const std::string word = !answers ? "moves" : (is_last ? "cannot answer" : "answers");
      rows.push_back({answers ? "" : head, left ? names.left : names.right, word, answers && is_last ? "" : moves,
                      !answers || is_last ? "" : step.left_state, !answers || is_last ? "" : step.right_state});
    };
    move(step.left_moves, false);
    move(!step.left_moves, true);
  }
  Table table({"STEP", "WHO", "", "RUN", names.left, names.right}, {0});
  add_rows(table, rows);
  return table.take();
}

std::string indented(std::string_view text, std::string_view indent) {
  std::string result;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string line = std::string(indent) + std::string(text.substr(0, end));
    line.resize(line.find_last_not_of(' ') + 1);
    result += line + "\n";
    text.remove_prefix(std::min(end + 1, text.size()));
  }
  return result;
}

std::string offers_text(const SideNames& names, const Explained& explained) {
  const auto line = [](const std::string& name, const std::string& state, const std::vector<std::string>& offers) {
    std::string text = name + " in " + state + " can do: ";
    for (std::size_t i = 0; i < offers.size(); ++i) text += (i > 0 ? ", " : "") + offers[i];
    return text + (offers.empty() ? "nothing\n" : "\n");
  };
  return line(names.left, explained.left_state, explained.left_offers) +
         line(names.right, explained.right_state, explained.right_offers);
}

Array words(const std::vector<std::string>& list) {
  Array array;
  for (const std::string& word : list) array.emplace_back(word);
  return array;
}

std::vector<std::string> words_of(const Array& array) {
  std::vector<std::string> list;
  for (const Value& word : array) list.push_back(text_or(word, ""));
  return list;
}

Value action_value(const std::string& action) { return action.empty() ? Value() : Value(action); }

Array run_document(const std::vector<ExplainedStep>& run) {
  Array steps;
  for (const ExplainedStep& step : run) steps.push_back(Array{action_value(step.action), step.state});
  return steps;
}

std::vector<ExplainedStep> run_of(const Array& array) {
  std::vector<ExplainedStep> run;
  for (const Value& step : array) {
    const Array* parts = step.array();
    if (parts != nullptr && parts->size() >= 2) run.push_back({text_or((*parts)[0], ""), text_or((*parts)[1], "")});
  }
  return run;
}

Array game_document(const std::vector<ExplainedExchange>& game) {
  Array exchanges;
  for (const ExplainedExchange& step : game) {
    exchanges.push_back(Map{{"mover", step.left_moves ? "left" : "right"},
                            {"action", action_value(step.action)},
                            {"left", run_document(step.left)},
                            {"right", run_document(step.right)},
                            {"left_state", step.left_state},
                            {"right_state", step.right_state}});
  }
  return exchanges;
}

}  // namespace

std::vector<RunRow> paired_runs(const Explained& explained) {
  const Stretches left = stretches_of(explained.left_run);
  const Stretches right = stretches_of(explained.right_run);
  // The able side has one step more; older steps of either may have been left out.
  const std::size_t left_total = left.visible.size() + (explained.left_is_able ? 0 : 1);
  const std::size_t right_total = right.visible.size() + (explained.left_is_able ? 1 : 0);
  const std::size_t total = std::max(left_total, right_total);
  std::vector<RunRow> rows;
  for (std::size_t i = 0; i < total; ++i) {
    const auto at = [&](const Stretches& side, std::size_t side_total) -> const Stretch* {
      const std::size_t missing = total - side_total;
      return i >= missing && i - missing < side.visible.size() ? &side.visible[i - missing] : nullptr;
    };
    const Stretch* of_left = at(left, left_total);
    const Stretch* of_right = at(right, right_total);
    if (of_left == nullptr && of_right == nullptr) continue;
    if (of_left != nullptr) add_silent(rows, of_left->silent, true);
    if (of_right != nullptr) add_silent(rows, of_right->silent, false);
    if (i + 1 == total) add_silent(rows, explained.left_is_able ? right.rest : left.rest, !explained.left_is_able);
    rows.push_back({of_left != nullptr ? of_left->action : of_right->action, of_left != nullptr ? of_left->state : "",
                    of_right != nullptr ? of_right->state : ""});
  }
  return rows;
}

std::string explanation_text(const Explained& explained, const SideNames& names, std::string_view indent) {
  std::string text = explained.story + "\n";
  if (explained.kind == "trace" && !(explained.left_run.empty() && explained.right_run.empty())) {
    text += trace_table(explained, names) + offers_text(names, explained);
  } else if (explained.kind == "game" && !explained.game.empty()) {
    text += game_table(explained, names);
    if (!explained.action.empty()) text += offers_text(names, explained);
  }
  if (!explained.note.empty() && explained.kind != "coarse") text += "note: " + explained.note + "\n";
  return indented(text, indent);
}

std::string formula_line(const Explained& explained) {
  return explained.formula.empty() ? std::string() : "formula: " + explained.formula + "\n";
}

Value explanation_document(const Explained& explained) {
  Map document{{"story", explained.story}, {"kind", explained.kind}};
  const auto add = [&](const char* key, Value value, bool is_there) {
    if (is_there) document.emplace_back(key, std::move(value));
  };
  const bool is_shown = explained.kind == "trace" || explained.kind == "game";
  add("able", explained.left_is_able ? "left" : "right", is_shown);
  add("trace", words(explained.trace), explained.kind == "trace");
  add("action", explained.action, !explained.action.empty());
  add("left_run", run_document(explained.left_run), explained.kind == "trace");
  add("right_run", run_document(explained.right_run), explained.kind == "trace");
  add("game", game_document(explained.game), explained.kind == "game");
  add("left_state", explained.left_state, is_shown);
  add("right_state", explained.right_state, is_shown);
  add("left_offers", words(explained.left_offers), is_shown);
  add("right_offers", words(explained.right_offers), is_shown);
  add("formula", explained.formula, !explained.formula.empty());
  add("depth", explained.depth, explained.depth > 0);
  add("note", explained.note, !explained.note.empty());
  return document;
}

Explained explanation_of(const Value& document) {
  Explained explained;
  explained.story = member_text(document, "story");
  explained.kind = member_text(document, "kind");
  explained.left_is_able = member_text(document, "able") == "left";
  explained.trace = words_of(member_array(document, "trace"));
  explained.action = member_text(document, "action");
  explained.left_run = run_of(member_array(document, "left_run"));
  explained.right_run = run_of(member_array(document, "right_run"));
  for (const Value& step : member_array(document, "game")) {
    explained.game.push_back({member_text(step, "mover") == "left", member_text(step, "action"),
                              run_of(member_array(step, "left")), run_of(member_array(step, "right")),
                              member_text(step, "left_state"), member_text(step, "right_state")});
  }
  explained.left_state = member_text(document, "left_state");
  explained.right_state = member_text(document, "right_state");
  explained.left_offers = words_of(member_array(document, "left_offers"));
  explained.right_offers = words_of(member_array(document, "right_offers"));
  explained.formula = member_text(document, "formula");
  explained.depth = static_cast<std::uint32_t>(member_integer(document, "depth"));
  explained.note = member_text(document, "note");
  return explained;
}

}  // namespace spex::ctl
