#include "ctl/model_diff.h"

#include <algorithm>
#include <set>
#include <utility>

#include "base/duration.h"
#include "ctl/output.h"

namespace spex::ctl {
namespace {

using protocol::Array;
using protocol::Map;
using protocol::Value;

std::vector<CountedTransition> without(const CountedModel& model, const CountedModel& other) {
  std::set<conformance::NamedTransition> known;
  for (const CountedTransition& counted : other.transitions) known.insert(counted.transition);
  std::vector<CountedTransition> rest;
  std::copy_if(model.transitions.begin(), model.transitions.end(), std::back_inserter(rest),
               [&](const CountedTransition& counted) { return !known.contains(counted.transition); });
  return rest;
}

ModelDifference compare(const CountedModel& left, const CountedModel& right) {
  ModelDifference difference;
  difference.specification = left.specification;
  if (left.specification != right.specification) difference.specification += " and " + right.specification;
  difference.added = without(right, left);
  difference.removed = without(left, right);
  difference.common = left.transitions.size() - difference.removed.size();
  return difference;
}

std::string lines_of(const std::vector<CountedTransition>& transitions, char mark, Colour colour) {
  std::string text;
  for (const CountedTransition& counted : transitions) {
    const std::string seen = sightings_text(counted);
    text += paint(colour, std::string("  ") + mark + " " + conformance::transition_line(counted.transition)) +
            (seen.empty() ? "" : "  (" + seen + ")") + "\n";
  }
  return text;
}

Value transitions_document(const std::vector<CountedTransition>& transitions) {
  Array list;
  for (const CountedTransition& counted : transitions) {
    const auto& [from, action, to] = counted.transition;
    Map row{{"transition", Array{from.empty() ? Value() : Value(from), action, to}}};
    if (counted.count > 0) {
      row.emplace_back("count", counted.count);
      row.emplace_back("first_at", base::format_timestamp(counted.first_at));
      row.emplace_back("last_at", base::format_timestamp(counted.last_at));
    }
    list.emplace_back(std::move(row));
  }
  return list;
}

}  // namespace

std::vector<ModelDifference> compare_models(const ModelSet& left, const ModelSet& right) {
  if (left.models.size() == 1 && right.models.size() == 1) return {compare(left.models[0], right.models[0])};
  std::set<std::string> names;
  for (const ModelSet* set : {&left, &right}) {
    for (const CountedModel& model : set->models) names.insert(model.specification);
  }
  std::vector<ModelDifference> differences;
  for (const std::string& name : names) {
    const CountedModel* of_left = left.find(name);
    const CountedModel* of_right = right.find(name);
    const CountedModel nothing{name, false, {}};
    differences.push_back(compare(of_left != nullptr ? *of_left : nothing, of_right != nullptr ? *of_right : nothing));
    differences.back().only_in_left = of_right == nullptr;
    differences.back().only_in_right = of_left == nullptr;
  }
  return differences;
}

std::string difference_text(const std::vector<ModelDifference>& differences) {
  std::string text;
  for (const ModelDifference& difference : differences) {
    text += difference.specification + ": ";
    if (!difference.is_different()) {
      text += paint(Colour::good, "the same") + " (" + plural(difference.common, "transition") + ")\n";
      continue;
    }
    if (difference.only_in_left) text += "only in the first; ";
    if (difference.only_in_right) text += "only in the second; ";
    text += with_separators(difference.added.size()) + " added, " + with_separators(difference.removed.size()) +
            " removed, " + with_separators(difference.common) + " in both\n";
    text += lines_of(difference.added, '+', Colour::good) + lines_of(difference.removed, '-', Colour::bad);
  }
  return text;
}

Value difference_document(const std::vector<ModelDifference>& differences) {
  Array models;
  bool is_different = false;
  for (const ModelDifference& difference : differences) {
    is_different = is_different || difference.is_different();
    models.push_back(Map{{"specification", difference.specification},
                         {"only_in", difference.only_in_left    ? Value("first")
                                     : difference.only_in_right ? Value("second")
                                                                : Value()},
                         {"added", transitions_document(difference.added)},
                         {"removed", transitions_document(difference.removed)},
                         {"common", static_cast<std::uint64_t>(difference.common)}});
  }
  return Map{{"different", is_different}, {"models", std::move(models)}};
}

}  // namespace spex::ctl
