#include "lts/distinguishing.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "base/assert.h"

namespace spex::lts {
namespace {

// So many attacks are weighed for one pair.
constexpr unsigned kAttacksMax = 64;
// Up to so many, a vector is searched quicker than a tree.
constexpr std::size_t kFewMax = 16;

// A set that is small, mostly.
template <typename T>
class SmallSet {
 public:
  // Whether it was not there.
  bool insert(const T& item) {
    if (!many_.empty()) return many_.insert(item).second;
    if (std::find(few_.begin(), few_.end(), item) != few_.end()) return false;
    few_.push_back(item);
    if (few_.size() > kFewMax) many_.insert(few_.begin(), few_.end());
    return true;
  }

 private:
  std::vector<T> few_;
  std::set<T> many_;
};

}  // namespace

Distinguisher::Distinguisher(const MergedGraph& graph, const LevelPartition& levels, std::uint64_t work_max)
    : graph_(graph), levels_(levels), work_left_(work_max), seen_(graph.state_count, 0) {}

std::vector<StateId> Distinguisher::tau_reach(StateId state) {
  std::vector<StateId> reach{state};
  if (!graph_.has_inert) return reach;
  ++round_;
  seen_[state] = round_;
  for (std::size_t i = 0; i < reach.size(); ++i) {
    for (const Transition& step : graph_.outgoing(reach[i])) {
      if (step.action != kTau) break;
      if (std::exchange(seen_[step.target], round_) != round_) reach.push_back(step.target);
    }
  }
  spend(reach.size());
  return reach;
}

std::vector<Distinguisher::Observation> Distinguisher::observations(StateId state, std::uint32_t level) {
  std::vector<Observation> found;
  for (const StateId before : tau_reach(state)) {
    const auto row = graph_.outgoing(before);
    spend(row.size());
    for (const Transition& step : row) {
      const bool silent = graph_.has_inert && step.action == kTau;
      if (silent && levels_.class_at(before, level) == levels_.class_at(step.target, level)) continue;
      found.push_back({before, step.action, step.target});
    }
  }
  return found;
}

std::vector<Answer> Distinguisher::answers_of(StateId state, const Observation& observation, std::uint32_t level) {
  std::vector<Answer> answers;
  SmallSet<std::pair<std::uint32_t, std::uint32_t>> classes;
  const auto add = [&](StateId before, StateId after) {
    const std::uint32_t class_before = graph_.has_inert ? levels_.class_at(before, level) : 0;
    if (classes.insert({class_before, levels_.class_at(after, level)})) answers.push_back({before, after});
  };
  for (const StateId before : tau_reach(state)) {
    if (graph_.has_inert && observation.action == kTau) add(before, before);
    for (const Transition& step : graph_.outgoing(before)) {
      if (step.action == observation.action) add(before, step.target);
    }
    spend(graph_.outgoing(before).size());
  }
  return answers;
}

std::uint32_t Distinguisher::value(StateId before, StateId after, const Answer& answer) const {
  const std::uint32_t later = levels_.separation(after, answer.after);
  return graph_.has_inert ? std::min(later, levels_.separation(before, answer.before)) : later;
}

void Distinguisher::consider(const std::vector<Observation>& own, const std::vector<Observation>& others, StateId other,
                             std::uint32_t level, bool by_second, std::optional<Attack>& best,
                             std::uint64_t& best_rank) {
  using Classes = std::tuple<std::uint32_t, ActionId, std::uint32_t>;
  const auto classes_of = [&](const Observation& o) {
    return Classes(graph_.has_inert ? levels_.class_at(o.before, level) : 0, o.action,
                   levels_.class_at(o.after, level));
  };
  SmallSet<Classes> done;
  for (const Observation& observation : others) done.insert(classes_of(observation));
  unsigned weighed = 0;
  for (const Observation& observation : own) {
    if (weighed == kAttacksMax || work_left_ == 0) return;
    if (!done.insert(classes_of(observation))) continue;
    ++weighed;
    std::vector<Answer> answers = answers_of(other, observation, level);
    std::uint32_t longest = 0;
    for (const Answer& answer : answers)
      longest = std::max(longest, value(observation.before, observation.after, answer));
    const std::uint64_t rank = std::uint64_t{longest} << 32U | answers.size();
    if (best && rank >= best_rank) continue;
    best_rank = rank;
    best = Attack{by_second, observation.before, observation.action, observation.after, std::move(answers)};
  }
}

std::optional<Attack> Distinguisher::best_attack(StateId first, StateId second) {
  const std::uint32_t separated = levels_.separation(first, second);
  SPEX_ASSERT(separated != LevelPartition::kSame);
  const std::uint32_t level = separated - 1;
  const std::vector<Observation> of_first = observations(first, level);
  const std::vector<Observation> of_second = observations(second, level);
  spend(of_first.size() + of_second.size());
  std::optional<Attack> best;
  std::uint64_t best_rank = 0;
  if (work_left_ == 0) return std::nullopt;
  consider(of_first, of_second, second, level, false, best, best_rank);
  consider(of_second, of_first, first, level, true, best, best_rank);
  return best;
}

Answer Distinguisher::best_answer(const Attack& attack) const {
  return *std::max_element(attack.answers.begin(), attack.answers.end(), [&](const Answer& a, const Answer& b) {
    return value(attack.before, attack.after, a) < value(attack.before, attack.after, b);
  });
}

bool Distinguisher::differs_before(const Attack& attack, const Answer& answer) const {
  return graph_.has_inert &&
         levels_.separation(attack.before, answer.before) < levels_.separation(attack.after, answer.after);
}

// Pairs of the same classes at the level that separates them have the same formula.
std::uint64_t Distinguisher::key_of(StateId first, StateId second) const {
  const std::uint32_t level = levels_.separation(first, second);
  return std::uint64_t{levels_.class_at(first, level)} << 32U | levels_.class_at(second, level);
}

std::optional<FormulaId> Distinguisher::formula(StateId first, StateId second, Formulas& formulas) {
  std::vector<Frame> frames;
  const auto open = [&](StateId a, StateId b) {
    std::optional<Attack> attack = best_attack(a, b);
    if (attack) frames.push_back({{a, b}, key_of(a, b), std::move(*attack)});
    return attack.has_value();
  };
  if (!open(first, second)) return std::nullopt;
  while (!frames.empty()) {
    Frame& frame = frames.back();
    const Attack& attack = frame.attack;
    if (frame.next_answer == attack.answers.size()) {
      const FormulaId after = formulas.conjunction(frame.after);
      FormulaId made = graph_.has_inert ? formulas.observation(attack.action, after, formulas.conjunction(frame.before))
                                        : formulas.step(attack.action, after);
      if (attack.by_second) made = formulas.negation(made);
      known_[frame.key] = made;
      frames.pop_back();
      continue;
    }
    const Answer& answer = attack.answers[frame.next_answer];
    const bool before = differs_before(attack, answer);
    const auto pair = before ? std::pair(attack.before, answer.before) : std::pair(attack.after, answer.after);
    const auto known = known_.find(key_of(pair.first, pair.second));
    if (known == known_.end()) {
      if (!open(pair.first, pair.second)) return std::nullopt;
      continue;
    }
    (before ? frame.before : frame.after).push_back(known->second);
    ++frame.next_answer;
  }
  return known_.at(key_of(first, second));
}

}  // namespace spex::lts
