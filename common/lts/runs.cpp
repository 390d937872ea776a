#include "lts/runs.h"

#include <algorithm>
#include <unordered_set>
#include <utility>

#include "base/assert.h"

namespace spex::lts {
namespace {

constexpr std::uint32_t kNoParent = 0xFFFFFFFFU;

// One state on the way, and how it was reached.
struct Visit {
  StateId state;
  ActionId action;
  std::uint32_t parent;
};

std::string shown(const Lts& lts, ActionId action) {
  return action == kTau ? std::string() : std::string(lts.action_name(action));
}

std::vector<RunStep> back_from(const Lts& lts, const std::vector<Visit>& visits, std::uint32_t at) {
  std::size_t count = 0;
  for (std::uint32_t i = at; visits[i].parent != kNoParent; i = visits[i].parent) ++count;
  std::vector<RunStep> steps(count);
  for (; visits[at].parent != kNoParent; at = visits[at].parent) {
    steps[--count] = {shown(lts, visits[at].action), visits[at].state};
  }
  return steps;
}

// A set of states that is emptied many times.
class Seen {
 public:
  explicit Seen(const Lts& lts) : rounds_(lts.state_count(), 0) {}

  void clear() { ++round_; }
  // Whether it was not in the set.
  bool insert(StateId state) { return std::exchange(rounds_[state], round_) != round_; }

 private:
  std::vector<std::uint32_t> rounds_;
  std::uint32_t round_ = 1;
};

// Adds what taus lead to from visits[begin, end), which are all that was seen.
void close_silently(const Lts& lts, std::vector<Visit>& visits, std::size_t begin, Seen& seen) {
  for (std::size_t i = begin; i < visits.size(); ++i) {
    for (const Transition& step : lts.outgoing(visits[i].state)) {
      if (step.action != kTau || !seen.insert(step.target)) continue;
      visits.push_back({step.target, kTau, static_cast<std::uint32_t>(i)});
    }
  }
}

}  // namespace

Run run_along(const Lts& lts, std::span<const ActionId> actions) {
  std::vector<Visit> visits{{lts.initial_state(), kTau, kNoParent}};
  Seen seen(lts);
  seen.insert(lts.initial_state());
  close_silently(lts, visits, 0, seen);
  std::size_t layer = 0;
  std::size_t first_of_last = 0;
  for (const ActionId action : actions) {
    const std::size_t end = visits.size();
    seen.clear();
    for (std::size_t i = layer; i < end; ++i) {
      for (const Transition& step : lts.outgoing(visits[i].state)) {
        if (step.action != action || !seen.insert(step.target)) continue;
        visits.push_back({step.target, action, static_cast<std::uint32_t>(i)});
      }
    }
    SPEX_ASSERT(visits.size() > end);
    layer = first_of_last = end;
    close_silently(lts, visits, layer, seen);
  }
  Run run;
  run.steps = back_from(lts, visits, static_cast<std::uint32_t>(first_of_last));
  for (std::size_t i = layer; i < visits.size(); ++i) run.ends.push_back(visits[i].state);
  return run;
}

std::vector<RunStep> silent_run(const Lts& lts, StateId from, const std::function<bool(StateId)>& is_end,
                                const std::function<bool(StateId, const Transition&)>* is_last) {
  std::vector<Visit> visits{{from, kTau, kNoParent}};
  std::unordered_set<StateId> seen{from};
  for (std::size_t i = 0; i < visits.size(); ++i) {
    const StateId state = visits[i].state;
    if (is_end(state)) {
      std::vector<RunStep> steps = back_from(lts, visits, static_cast<std::uint32_t>(i));
      if (is_last == nullptr) return steps;
      for (const Transition& step : lts.outgoing(state)) {
        if (!(*is_last)(state, step)) continue;
        steps.push_back({shown(lts, step.action), step.target});
        return steps;
      }
    }
    for (const Transition& step : lts.outgoing(state)) {
      if (step.action != kTau || !seen.insert(step.target).second) continue;
      visits.push_back({step.target, kTau, static_cast<std::uint32_t>(i)});
    }
  }
  SPEX_ASSERT(false && "the graph has this run, so the system has it");
  return {};
}

std::vector<std::string> offers_of(const Lts& lts, std::span<const StateId> states) {
  std::vector<bool> seen(lts.state_count(), false);
  std::vector<bool> is_offered(lts.action_count(), false);
  std::vector<StateId> open(states.begin(), states.end());
  for (const StateId state : states) seen[state] = true;
  while (!open.empty()) {
    const StateId state = open.back();
    open.pop_back();
    for (const Transition& step : lts.outgoing(state)) {
      is_offered[step.action] = true;
      if (step.action != kTau || seen[step.target]) continue;
      seen[step.target] = true;
      open.push_back(step.target);
    }
  }
  std::vector<std::string> offers;
  for (ActionId action = kTau + 1; action < lts.action_count(); ++action) {
    if (is_offered[action]) offers.emplace_back(lts.action_name(action));
  }
  std::sort(offers.begin(), offers.end());
  return offers;
}

}  // namespace spex::lts
