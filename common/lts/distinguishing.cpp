#include "lts/distinguishing.h"

#include <algorithm>

#include "base/assert.h"

namespace spex::lts {
namespace {

// So many attacks are weighed for one pair.
constexpr unsigned kAttacksMax = 64;
// Up to so many, a vector is searched quicker than a tree.
constexpr std::size_t kFewMax = 16;

}  // namespace

void Distinguisher::ClassesSet::clear() {
  few_.clear();
  many_.clear();
}

bool Distinguisher::ClassesSet::insert(const Classes& item) {
  if (!many_.empty()) return many_.insert(item).second;
  if (std::find(few_.begin(), few_.end(), item) != few_.end()) return false;
  few_.push_back(item);
  if (few_.size() > kFewMax) many_.insert(few_.begin(), few_.end());
  return true;
}

Distinguisher::Distinguisher(const MergedGraph& graph, const LevelPartition& levels, std::uint64_t work_max)
    : graph_(graph), levels_(levels), work_left_(work_max), seen_(graph.state_count, 0) {}

void Distinguisher::find_tau_reach(StateId state) {
  reach_.assign(1, state);
  if (!graph_.has_inert) return;
  ++round_;
  seen_[state] = round_;
  for (std::size_t i = 0; i < reach_.size(); ++i) {
    for (const Transition& step : graph_.outgoing(reach_[i])) {
      if (step.action != kTau) break;
      if (std::exchange(seen_[step.target], round_) != round_) reach_.push_back(step.target);
    }
  }
  spend(reach_.size());
}

void Distinguisher::find_observations(StateId state, std::uint32_t level, std::vector<Observation>& found) {
  found.clear();
  find_tau_reach(state);
  for (const StateId before : reach_) {
    const auto row = graph_.outgoing(before);
    spend(row.size());
    for (const Transition& step : row) {
      const bool silent = graph_.has_inert && step.action == kTau;
      if (silent && levels_.class_at(before, level) == levels_.class_at(step.target, level)) continue;
      found.push_back({before, step.action, step.target});
    }
  }
}

void Distinguisher::find_answers(StateId state, const Observation& observation, std::uint32_t level) {
  found_answers_.clear();
  seen_answers_.clear();
  const auto add = [&](StateId before, StateId after) {
    const std::uint32_t class_before = graph_.has_inert ? levels_.class_at(before, level) : 0;
    if (seen_answers_.insert({class_before, kTau, levels_.class_at(after, level)})) {
      found_answers_.push_back({before, after});
    }
  };
  find_tau_reach(state);
  for (const StateId before : reach_) {
    if (graph_.has_inert && observation.action == kTau) add(before, before);
    for (const Transition& step : graph_.outgoing(before)) {
      if (step.action == observation.action) add(before, step.target);
    }
    spend(graph_.outgoing(before).size());
  }
}

std::uint32_t Distinguisher::value(StateId before, StateId after, const Answer& answer) const {
  const std::uint32_t later = levels_.separation(after, answer.after);
  return graph_.has_inert ? std::min(later, levels_.separation(before, answer.before)) : later;
}

void Distinguisher::consider(const std::vector<Observation>& own, const std::vector<Observation>& others, StateId other,
                             std::uint32_t level, bool by_second, std::optional<Attack>& best,
                             std::uint64_t& best_rank) {
  const auto classes_of = [&](const Observation& o) {
    return Classes(graph_.has_inert ? levels_.class_at(o.before, level) : 0, o.action,
                   levels_.class_at(o.after, level));
  };
  seen_observations_.clear();
  for (const Observation& observation : others) seen_observations_.insert(classes_of(observation));
  unsigned weighed = 0;
  for (const Observation& observation : own) {
    if (weighed == kAttacksMax || work_left_ == 0) return;
    if (!seen_observations_.insert(classes_of(observation))) continue;
    ++weighed;
    find_answers(other, observation, level);
    std::uint32_t longest = 0;
    for (const Answer& answer : found_answers_)
      longest = std::max(longest, value(observation.before, observation.after, answer));
    const std::uint64_t rank = std::uint64_t{longest} << 32U | found_answers_.size();
    if (best && rank >= best_rank) continue;
    best_rank = rank;
    best = Attack{by_second, observation.before, observation.action, observation.after, 0, 0};
    best_answers_.swap(found_answers_);
  }
}

std::optional<Attack> Distinguisher::best_attack(StateId first, StateId second) {
  const std::uint32_t separated = levels_.separation(first, second);
  SPEX_ASSERT(separated != LevelPartition::kSame);
  const std::uint32_t level = separated - 1;
  find_observations(first, level, of_first_);
  find_observations(second, level, of_second_);
  spend(of_first_.size() + of_second_.size());
  std::optional<Attack> best;
  std::uint64_t best_rank = 0;
  if (work_left_ == 0) return std::nullopt;
  consider(of_first_, of_second_, second, level, false, best, best_rank);
  consider(of_second_, of_first_, first, level, true, best, best_rank);
  if (!best) return std::nullopt;
  best->answers_begin = static_cast<std::uint32_t>(answers_.size());
  answers_.insert(answers_.end(), best_answers_.begin(), best_answers_.end());
  best->answers_end = static_cast<std::uint32_t>(answers_.size());
  return best;
}

Answer Distinguisher::best_answer(const Attack& attack) const {
  const std::span<const Answer> all = answers(attack);
  return *std::max_element(all.begin(), all.end(), [&](const Answer& a, const Answer& b) {
    return value(attack.before, attack.after, a) < value(attack.before, attack.after, b);
  });
}

bool Distinguisher::differs_before(const Attack& attack, const Answer& answer) const {
  return graph_.has_inert &&
         levels_.separation(attack.before, answer.before) < levels_.separation(attack.after, answer.after);
}

// Pairs of the same classes at the level that separates them have the same formula.
Distinguisher::Key Distinguisher::key_of(StateId first, StateId second) const {
  const std::uint32_t level = levels_.separation(first, second);
  return {levels_.class_at(first, level), levels_.class_at(second, level)};
}

const FormulaId* Distinguisher::find_known(const Key& key) {
  PairMap& known = known_[key.first > key.second ? 1 : 0];
  return known.find(std::max(key.first, key.second), std::min(key.first, key.second));
}

void Distinguisher::remember(const Key& key, FormulaId formula) {
  PairMap& known = known_[key.first > key.second ? 1 : 0];
  known.insert(std::max(key.first, key.second), std::min(key.first, key.second), formula);
}

bool Distinguisher::open(StateId first, StateId second) {
  const std::optional<Attack> attack = best_attack(first, second);
  if (!attack) return false;
  frames_.push_back({key_of(first, second), *attack, attack->answers_begin, static_cast<std::uint32_t>(parts_.size())});
  return true;
}

// The formula of the frame on top, which has all its parts.
FormulaId Distinguisher::close(Formulas& formulas) {
  const Frame done = frames_.back();
  frames_.pop_back();
  before_.clear();
  after_.clear();
  for (std::size_t i = done.parts_begin; i < parts_.size(); ++i) {
    (parts_[i].before ? before_ : after_).push_back(parts_[i].formula);
  }
  parts_.resize(done.parts_begin);
  answers_.resize(done.attack.answers_begin);
  const FormulaId after = formulas.conjunction(after_);
  const FormulaId made = graph_.has_inert
                             ? formulas.observation(done.attack.action, after, formulas.conjunction(before_))
                             : formulas.step(done.attack.action, after);
  const FormulaId signed_one = done.attack.by_second ? formulas.negation(made) : made;
  remember(done.key, signed_one);
  return signed_one;
}

std::optional<FormulaId> Distinguisher::formula(StateId first, StateId second, Formulas& formulas) {
  frames_.clear();
  parts_.clear();
  answers_.clear();
  FormulaId made = Formulas::kTruth;
  if (!open(first, second)) return std::nullopt;
  while (!frames_.empty()) {
    Frame& frame = frames_.back();
    const Attack& attack = frame.attack;
    if (frame.next_answer == attack.answers_end) {
      made = close(formulas);
      continue;
    }
    const Answer answer = answers_[frame.next_answer];
    const bool before = differs_before(attack, answer);
    const auto pair = before ? std::pair(attack.before, answer.before) : std::pair(attack.after, answer.after);
    const Key key = key_of(pair.first, pair.second);
    const FormulaId* const known = find_known(key);
    if (known == nullptr) {
      if (!open(pair.first, pair.second)) return std::nullopt;
      continue;
    }
    parts_.push_back({*known, before});
    ++frame.next_answer;
  }
  return made;
}

}  // namespace spex::lts
