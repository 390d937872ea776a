// Checker: the whole run's verdict: every instance judged, violations named and
// cut down to a smallest history that still shows them.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "soak/linearizability.h"

namespace spex::soak {

struct Violation {
  std::string kind;  // lost, doubled, out_of_order, refused_wrongly, mixed_up, unexpected, not_linearizable, undecided
  std::string what;  // a sentence
  InstanceHistory minimal;  // nothing can be left out of it
};

struct Report {
  std::uint64_t seed = 0;
  double seconds = 0;
  std::uint64_t operations = 0;
  std::uint64_t acknowledged = 0;  // with a definite answer, refusals of the instance included
  std::uint64_t keyed = 0;         // of the acknowledged
  std::uint64_t unknown = 0;
  std::uint64_t not_executed = 0;
  std::uint64_t instances = 0;
  std::map<std::string, std::uint64_t> faults;  // by "kind target", shards and clients taken together
  std::uint64_t lost = 0;                       // instances with such a violation
  std::uint64_t doubled = 0;
  std::uint64_t out_of_order = 0;
  std::uint64_t other = 0;
  std::vector<Violation> violations;  // the first few of each kind, one per instance

  std::uint64_t fault_count() const;
  bool fine() const { return lost + doubled + out_of_order + other == 0; }
};

Report check(const History& history);
// The same with the minimal histories found; exposed for tests.
Violation explain(const InstanceHistory& history, const Judgement& judgement);

std::string to_text(const InstanceHistory& history);  // one line an operation
std::string summary(const Report& report);            // for people
std::string to_json(const Report& report);

}  // namespace spex::soak
