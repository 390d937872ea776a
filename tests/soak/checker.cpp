#include "soak/checker.h"

#include <algorithm>
#include <iomanip>
#include <sstream>

#include "base/json_text.h"

namespace spex::soak {
namespace {

constexpr std::ptrdiff_t kViolationsKept = 2;  // of each kind
constexpr std::uint64_t kStepsOfOneTry = 200'000;

bool is_violated(const InstanceHistory& history) { return judge(history, kStepsOfOneTry).verdict == Verdict::violated; }

// What was known at `end`: what had no answer yet is unknown, what had not begun is not there.
InstanceHistory until(const InstanceHistory& history, Micros end) {
  InstanceHistory result;
  result.instance = history.instance;
  for (const Operation& operation : history.operations) {
    if (operation.invoked > end) break;
    Operation kept = operation;
    if (operation.responded > end) {
      kept.responded = kNever;
      kept.outcome = Outcome::unknown;
      kept.observation = -1;
    }
    if (kept.observation >= 0) {
      result.observations.push_back(history.observations[static_cast<std::size_t>(kept.observation)]);
      kept.observation = static_cast<std::int32_t>(result.observations.size() - 1);
    }
    result.operations.push_back(kept);
  }
  return result;
}

// Without one operation; a transition is taken out of what was read, too.
InstanceHistory without(const InstanceHistory& history, std::size_t at) {
  InstanceHistory result;
  result.instance = history.instance;
  const std::uint64_t number = history.operations[at].number;
  for (std::size_t i = 0; i < history.operations.size(); ++i) {
    if (i == at) continue;
    Operation kept = history.operations[i];
    if (kept.observation >= 0) {
      Observation seen = history.observations[static_cast<std::size_t>(kept.observation)];
      std::erase(seen.records, number);
      kept.observation = static_cast<std::int32_t>(result.observations.size());
      result.observations.push_back(std::move(seen));
    }
    result.operations.push_back(kept);
  }
  return result;
}

// The shortest beginning that is violated: by the response that made it so.
InstanceHistory shortest_beginning(const InstanceHistory& history) {
  std::vector<Micros> ends;
  for (const Operation& operation : history.operations)
    if (operation.responded != kNever) ends.push_back(operation.responded);
  std::sort(ends.begin(), ends.end());
  std::size_t low = 0;
  std::size_t high = ends.size();  // with `high` responses it is violated
  while (low + 1 < high) {
    const std::size_t middle = (low + high) / 2;
    (is_violated(until(history, ends[middle - 1])) ? high : low) = middle;
  }
  return high == 0 ? history : until(history, ends[high - 1]);
}

// Whatever made instances stays; all else goes if the violation stays without it.
InstanceHistory minimise(const InstanceHistory& history) {
  InstanceHistory best = shortest_beginning(history);
  if (!is_violated(best)) return history;
  for (std::size_t i = best.operations.size(); i-- > 0;) {
    const Operation& operation = best.operations[i];
    const bool makes = operation.kind == Kind::init || operation.kind == Kind::mock;
    if (makes || (operation.kind == Kind::remove && operation.outcome == Outcome::applied)) continue;
    InstanceHistory shorter = without(best, i);
    if (is_violated(shorter)) best = std::move(shorter);
  }
  return best;
}

// What kind of violation the search found: that without which there would be none.
std::string classify(const InstanceHistory& minimal) {
  for (std::size_t i = 0; i < minimal.operations.size(); ++i) {
    const Operation& operation = minimal.operations[i];
    if (operation.kind == Kind::get || operation.outcome != Outcome::applied) continue;
    InstanceHistory forgotten = minimal;
    forgotten.operations[i].outcome = Outcome::not_executed;
    const bool observed = std::any_of(minimal.observations.begin(), minimal.observations.end(), [&](const auto& seen) {
      return seen.generation == operation.number ||
             std::find(seen.records.begin(), seen.records.end(), operation.number) != seen.records.end();
    });
    if (!observed && !is_violated(forgotten)) return "lost";
  }
  for (std::size_t i = 0; i < minimal.operations.size(); ++i) {
    const Outcome outcome = minimal.operations[i].outcome;
    if (outcome != Outcome::in_use && outcome != Outcome::not_found) continue;
    if (!is_violated(without(minimal, i))) return "refused_wrongly";
  }
  const auto stale = std::any_of(minimal.operations.begin(), minimal.operations.end(), [&](const Operation& get) {
    if (get.observation < 0) return false;
    const Observation& seen = minimal.observations[static_cast<std::size_t>(get.observation)];
    return std::any_of(minimal.operations.begin(), minimal.operations.end(), [&](const Operation& other) {
      if (other.observation < 0 || other.responded >= get.invoked) return false;
      const Observation& before = minimal.observations[static_cast<std::size_t>(other.observation)];
      return before.generation == seen.generation && before.records.size() > seen.records.size();
    });
  });
  return stale ? "lost" : "not_linearizable";
}

void count(const Operation& operation, Report& report) {
  ++report.operations;
  switch (operation.outcome) {
    case Outcome::unknown:
      ++report.unknown;
      return;
    case Outcome::not_executed:
      ++report.not_executed;
      return;
    case Outcome::applied:
    case Outcome::in_use:
    case Outcome::not_found:
    case Outcome::unexpected:
      ++report.acknowledged;
      report.keyed += operation.keyed;
      return;
  }
}

void count(const std::string& kind, Report& report) {
  if (kind == "lost") {
    ++report.lost;
  } else if (kind == "doubled") {
    ++report.doubled;
  } else if (kind == "out_of_order") {
    ++report.out_of_order;
  } else {
    ++report.other;
  }
}

std::string without_number(const std::string& target) { return target.substr(0, target.find('-')); }

}  // namespace

std::uint64_t Report::fault_count() const {
  std::uint64_t sum = 0;
  for (const auto& [kind, number] : faults) sum += number;
  return sum;
}

Violation explain(const InstanceHistory& history, const Judgement& judgement) {
  Violation violation;
  violation.kind = judgement.kind;
  violation.what = judgement.what;
  if (judgement.verdict == Verdict::undecided) {
    violation.kind = "undecided";
    violation.minimal = history;
    return violation;
  }
  violation.minimal = minimise(history);
  if (violation.kind.empty()) violation.kind = classify(violation.minimal);
  return violation;
}

Report check(const History& history) {
  Report report;
  report.seed = history.seed;
  Micros last = 0;
  for (const Operation& operation : history.operations) {
    count(operation, report);
    last = std::max(last, operation.responded == kNever ? operation.invoked : operation.responded);
  }
  report.seconds = static_cast<double>(last) / 1e6;
  for (const Fault& fault : history.faults) ++report.faults[fault.kind + " " + without_number(fault.target)];
  const auto instances = history.by_instance();
  report.instances = instances.size();
  for (const auto& [instance, operations] : instances) {
    const InstanceHistory own = InstanceHistory::of(history, operations);
    const Judgement judgement = judge(own);
    if (judgement.verdict == Verdict::linearizable) continue;
    Violation violation = explain(own, judgement);
    count(violation.kind, report);
    const auto same_kind = std::count_if(report.violations.begin(), report.violations.end(),
                                         [&](const Violation& each) { return each.kind == violation.kind; });
    if (same_kind >= kViolationsKept) continue;
    for (const Operation& operation : violation.minimal.operations) {
      const auto remark = history.remarks.find(operation.number);
      if (remark != history.remarks.end()) violation.what += " (" + remark->second + ")";
    }
    report.violations.push_back(std::move(violation));
  }
  return report;
}

std::string to_text(const InstanceHistory& history) {
  std::ostringstream out;
  for (const Operation& operation : history.operations) {
    out << "  " << std::setw(12) << operation.invoked << " .. " << std::setw(12)
        << (operation.responded == kNever ? std::string("never") : std::to_string(operation.responded))
        << " µs  client " << operation.client << "  " << name_of(operation.kind) << ' ' << operation.number << "  "
        << (operation.async ? "async, " : "") << name_of(operation.outcome);
    if (operation.observation >= 0) {
      const Observation& seen = history.observations[static_cast<std::size_t>(operation.observation)];
      out << ": made by " << seen.generation << ", records";
      for (const std::uint64_t record : seen.records) out << ' ' << record;
      if (seen.records.empty()) out << " none";
    }
    out << '\n';
  }
  return out.str();
}

std::string summary(const Report& report) {
  std::ostringstream out;
  out << "seed " << report.seed << ", " << std::fixed << std::setprecision(1) << report.seconds << " s, "
      << report.instances << " instances\n"
      << "operations   " << report.operations << ": " << report.acknowledged << " acknowledged (" << report.keyed
      << " with a key), " << report.unknown << " unknown, " << report.not_executed << " not executed\n"
      << "faults       " << report.fault_count();
  const char* separator = ": ";
  for (const auto& [kind, number] : report.faults) {
    out << separator << number << ' ' << kind;
    separator = ", ";
  }
  out << "\nlost " << report.lost << ", doubled " << report.doubled << ", out of order " << report.out_of_order
      << ", other violations " << report.other << '\n';
  for (const Violation& violation : report.violations) {
    out << "\nVIOLATION (" << violation.kind << "), seed " << report.seed << ": " << violation.what
        << "\nthe smallest history that shows it:\n"
        << to_text(violation.minimal);
  }
  return out.str();
}

std::string to_json(const Report& report) {
  std::ostringstream out;
  out << "{\"seed\":" << report.seed << ",\"seconds\":" << report.seconds << ",\"instances\":" << report.instances
      << ",\"operations\":" << report.operations << ",\"acknowledged\":" << report.acknowledged
      << ",\"acknowledged_keyed\":" << report.keyed << ",\"unknown\":" << report.unknown
      << ",\"not_executed\":" << report.not_executed << ",\"faults\":" << report.fault_count()
      << ",\"faults_by_kind\":{";
  const char* separator = "";
  for (const auto& [kind, number] : report.faults) {
    out << separator << base::json_quote(kind) << ':' << number;
    separator = ",";
  }
  out << "},\"lost\":" << report.lost << ",\"doubled\":" << report.doubled
      << ",\"out_of_order\":" << report.out_of_order << ",\"other\":" << report.other << ",\"violations\":[";
  separator = "";
  for (const Violation& violation : report.violations) {
    out << separator << "{\"kind\":" << base::json_quote(violation.kind)
        << ",\"what\":" << base::json_quote(violation.what)
        << ",\"minimal\":" << base::json_quote(to_text(violation.minimal)) << '}';
    separator = ",";
  }
  out << "]}\n";
  return out.str();
}

}  // namespace spex::soak
